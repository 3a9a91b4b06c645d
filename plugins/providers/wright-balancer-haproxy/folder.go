package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins"
)

// folder is the directory that HAProxy reads. Files whose names begin with a dot
// it does not read: locks, and what is not yet in its place.
type folder struct{ dir string }

const (
	stagedPrefix = ".wright-new-"
	changeLock   = ".wright-lock"  // held from looking at the files until HAProxy has them
	placeLock    = ".wright-place" // held while files get their places; lists share it
	maxFile      = 8 << 20         // bytes
)

func (f folder) path(name string) string { return filepath.Join(f.dir, fileOf(name)) }

// read gives the file of a route, nil when there is none.
func (f folder) read(name string) ([]byte, error) {
	return readFile(f.path(name))
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, plugins.Errorf(plugins.Exists, "%s is no file of this provider", path)
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// routes reads all files of the provider.
func (f folder) routes(ctx context.Context) ([]route, error) {
	lock, err := f.lock(ctx, placeLock, unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	var list []route
	for _, name := range names {
		b, err := readFile(filepath.Join(f.dir, name))
		if err != nil {
			if plugins.CodeOf(err) == plugins.Exists {
				continue
			}
			return nil, fmt.Errorf("read a route: %w", err)
		}
		if r, err := parse(b); err == nil && fileOf(r.Name) == name {
			list = append(list, r)
		}
	}
	return list, ctx.Err()
}

// names lists what HAProxy reads.
func (f folder) names() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("list the routes: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".cfg") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// sweep takes away what somebody who died has staged. Its caller has the lock.
func (f folder) sweep() error {
	left, err := filepath.Glob(filepath.Join(f.dir, stagedPrefix+"*"))
	for _, path := range left {
		if removeErr := os.Remove(path); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
}

// staged is where a file lies until it gets its place.
func (f folder) staged(name string) string {
	return filepath.Join(f.dir, stagedPrefix+strings.TrimSuffix(fileOf(name), ".cfg"))
}

// stage writes the files that are to be, and gives the paths of all that HAProxy
// would read then.
func (f folder) stage(edits []edit) ([]string, error) {
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range edits {
		at := slices.Index(names, fileOf(e.name))
		if at >= 0 {
			names = slices.Delete(names, at, at+1)
		}
		if e.after == nil {
			continue
		}
		if err := writeFile(f.staged(e.name), []byte(e.after.text)); err != nil {
			return nil, fmt.Errorf("write the route of %s: %w", e.name, err)
		}
		paths = append(paths, f.staged(e.name))
	}
	for _, name := range names {
		paths = append(paths, filepath.Join(f.dir, name))
	}
	return paths, nil
}

// place gives the staged files their places.
func (f folder) place(ctx context.Context, edits []edit) error {
	lock, err := f.lock(ctx, placeLock, unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	// A call that was given up must not undo the one that came after it.
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, e := range edits {
		if e.after != nil {
			err = errors.Join(err, os.Rename(f.staged(e.name), f.path(e.name)))
		} else if e.before != nil {
			err = errors.Join(err, os.Remove(f.path(e.name)))
		}
	}
	return errors.Join(err, f.sync())
}

// putBack gives the files the contents they had.
func (f folder) putBack(ctx context.Context, edits []edit) error {
	back := make([]edit, 0, len(edits))
	for _, e := range edits {
		b := edit{name: e.name}
		if e.after != nil {
			b.before = []byte(e.after.text)
		}
		if e.before != nil {
			b.after = &fragment{text: string(e.before)}
		}
		back = append(back, b)
	}
	if _, err := f.stage(back); err != nil {
		return err
	}
	return f.place(ctx, back)
}

func (f folder) sync() error {
	d, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func writeFile(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// lock waits for a lock that ends with its process, until the result is closed.
func (f folder) lock(ctx context.Context, name string, how int) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(f.dir, name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the routes: %w", err)
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := unix.Flock(int(lock.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return lock, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock the routes: %w", err), lock.Close())
		}
		if err := wait(ctx, pause); err != nil {
			return nil, errors.Join(fmt.Errorf("wait for another change of the routes: %w", err), lock.Close())
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
