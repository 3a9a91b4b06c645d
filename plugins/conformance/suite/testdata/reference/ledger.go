package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/wright-build/wright/plugins"
)

// ledger is a file with what there is, by key, or a document at an HTTP service.
// A change is written in one go or not at all. It need not survive a power cut.
type ledger[T any] struct {
	base *base
	name string
}

func (l ledger[T]) path() string { return filepath.Join(l.base.dir(), l.name+".json") }

// read gives an empty map when there is no file yet.
func (l ledger[T]) read(ctx context.Context) (map[string]T, error) {
	all, _, err := l.readVersion(ctx)
	return all, err
}

// readVersion says too which version of the backend's document it is.
func (l ledger[T]) readVersion(ctx context.Context) (map[string]T, string, error) {
	if l.base.text("backend") != "" {
		all := map[string]T{}
		version, err := l.base.fetch(ctx, l.name, &all)
		return all, version, err
	}
	all, err := l.readFile()
	return all, "", err
}

func (l ledger[T]) readFile() (map[string]T, error) {
	all := map[string]T{}
	b, err := l.base.readOnce(l.path())
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", l.path(), err)
	}
	return all, nil
}

// sorted gives the values in the order of their keys.
func (l ledger[T]) sorted(ctx context.Context) ([]T, error) {
	all, err := l.read(ctx)
	if err != nil {
		return nil, err
	}
	list := []T{}
	for _, k := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[k])
	}
	return list, nil
}

// change does f to what there is while nobody else changes it.
func (l ledger[T]) change(ctx context.Context, f func(map[string]T) error) error {
	if err := os.MkdirAll(l.base.dir(), 0o700); err != nil {
		return err
	}
	l.hoard()
	if !l.base.bug("lost update") {
		held, err := l.lock()
		if err != nil {
			return err
		}
		defer func() {
			if ctx.Err() == nil || !l.base.bug("lock kept") {
				_ = held.Close()
			}
		}()
	}
	for {
		if err := l.changeOnce(ctx, f); !errors.Is(err, errOvertaken) {
			return err
		}
	}
}

// changeOnce is change unless somebody else, or a late request, was faster.
func (l ledger[T]) changeOnce(ctx context.Context, f func(map[string]T) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	all, version, err := l.readVersion(ctx)
	if err != nil {
		return err
	}
	before := len(all)
	if l.base.bug("room before the token") {
		if err := l.base.room(); err != nil {
			return err
		}
	}
	if err := f(all); err != nil {
		return err
	}
	if len(all) > before {
		if err := l.base.room(); err != nil {
			return err
		}
	}
	if err := l.base.pause(ctx); err != nil {
		if l.base.bug("finishes later") {
			go func() {
				<-time.After(50 * time.Millisecond)
				_ = l.change(context.WithoutCancel(ctx), f)
			}()
		}
		return err
	}
	if err := l.write(ctx, version, all); err != nil {
		return err
	}
	if len(all) > before && l.base.bug("quota leaves half") && l.base.config().Config["full"] == true {
		return plugins.Errorf(plugins.Quota, "there is no room: the quota is used up")
	}
	return nil
}

func (l ledger[T]) write(ctx context.Context, version string, all map[string]T) error {
	if l.base.text("backend") != "" {
		return l.base.store(ctx, l.name, version, all)
	}
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(l.base.dir(), "."+l.name)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	l.base.keepOnce(l.path(), b)
	return os.Rename(f.Name(), l.path())
}

func (l ledger[T]) lock() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(l.base.dir(), l.name+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}

// hoard keeps what nobody needs any more.
func (l ledger[T]) hoard() {
	switch {
	case l.base.bug("descriptors leak"):
		f, _ := os.Open(os.DevNull)
		l.base.mu.Lock()
		defer l.base.mu.Unlock()
		l.base.kept = append(l.base.kept, f)
	case l.base.bug("memory grows"):
		l.base.mu.Lock()
		defer l.base.mu.Unlock()
		l.base.hoard = append(l.base.hoard, bytes.Repeat([]byte("x"), 200_000))
	case l.base.bug("backups kept"):
		_ = os.WriteFile(fmt.Sprintf("%s.%d", l.path(), time.Now().UnixNano()), nil, 0o600)
	}
}

// readOnce reads a file, with a bug only the first time.
func (b *base) readOnce(path string) ([]byte, error) {
	if !b.bug("read once") {
		return os.ReadFile(path)
	}
	b.mu.Lock()
	known, ok := b.once[path]
	b.mu.Unlock()
	if ok {
		return known, nil
	}
	text, err := os.ReadFile(path)
	if err == nil {
		b.keepOnce(path, text)
	}
	return text, err
}

func (b *base) keepOnce(path string, text []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.once == nil {
		b.once = map[string][]byte{}
	}
	b.once[path] = text
}
