// Package cache keeps what builds have fetched for those that come after: of
// each remote one bare git repository, which one build at a time uses. A build
// gets a copy of its objects, never the files themselves, so that nothing a
// build does to its own can reach another's. It knows files and locks; it does
// not know how to fetch, nor who may: its user hands out what is here only to a
// build whose own fetch from that remote has succeeded.
package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Cache is a directory of entries, which may be shared by processes. A nil one
// keeps nothing.
type Cache struct {
	dir    string
	limits Limits
}

// Open keeps entries below dir, which is made when the first comes.
func Open(dir string, limits Limits) *Cache { return &Cache{dir: dir, limits: limits} }

// Key says whose an entry is. Builds that reach a remote as somebody else do not
// share it, whatever it is called.
type Key struct {
	Remote string // as manifests.CanonicalURL writes it
	As     string // how it is reached and who logs in; may be secret
}

// name is that of the entry's files. It tells nothing of what it is made from.
func (k Key) name() string {
	sum := sha256.Sum256([]byte(k.Remote + "\x00" + k.As))
	return hex.EncodeToString(sum[:16])
}

// Entry is the repository of one remote, held by one build.
type Entry struct {
	dir  string
	lock *os.File
}

const (
	lockSuffix = ".lock" // its time is that of the last use
	repoSuffix = ".git"
	goneSuffix = ".gone" // after repoSuffix: it is being removed
)

// Take waits until nobody else holds the entry of a key, or ctx ends. However a
// process ends, what it holds is free then.
func (c *Cache) Take(ctx context.Context, k Key) (*Entry, error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		lock, err := c.lock(k.name())
		if err != nil {
			return nil, fmt.Errorf("lock an entry of the cache: %w", err)
		}
		if lock != nil {
			e := &Entry{dir: filepath.Join(c.dir, k.name()+repoSuffix), lock: lock}
			now := time.Now()
			return e, errors.Join(os.Chtimes(lock.Name(), now, now), e.mend())
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// lock takes the lock of an entry; nil if somebody has it.
func (c *Cache) lock(name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(c.dir, name+lockSuffix), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			return nil, nil
		}
		return nil, err
	}
	mine, err := f.Stat()
	there, gone := os.Stat(f.Name())
	if err != nil || gone != nil || !os.SameFile(mine, there) { // it was thrown away meanwhile
		return nil, f.Close()
	}
	return f, nil
}

// Release lets others have the entry. It may be repeated.
func (e *Entry) Release() { _ = e.lock.Close() }

// Empty says whether nothing is kept yet.
func (e *Entry) Empty() bool {
	_, err := os.Lstat(filepath.Join(e.dir, "HEAD"))
	return err != nil
}

// Dir is the bare repository.
func (e *Entry) Dir() string { return e.dir }

// SHA256 says whether objects are named by SHA-256.
func (e *Entry) SHA256() bool {
	text, _ := os.ReadFile(filepath.Join(e.dir, "config"))
	return strings.Contains(string(text), "objectformat")
}

// Discard throws away what is kept; the entry is Empty then. It goes out of
// sight at once: one that a crash left half removed would seem to be whole.
func (e *Entry) Discard() error {
	gone := e.dir + goneSuffix
	err := os.RemoveAll(gone)
	if err == nil {
		err = os.Rename(e.dir, gone)
	}
	if err == nil {
		err = os.RemoveAll(gone)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("throw away an entry of the cache: %w", err)
	}
	return nil
}

// mend removes what a process that was killed, or a power cut, left half done.
// Objects come before the refs that need them, so what is left is whole.
func (e *Entry) mend() error {
	if err := os.RemoveAll(e.dir + goneSuffix); err != nil {
		return fmt.Errorf("mend an entry of the cache: %w", err)
	}
	err := filepath.WalkDir(e.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || d.IsDir():
			return err
		case half(d):
			return os.Remove(path)
		}
		return nil
	})
	if err != nil {
		return errors.Join(fmt.Errorf("mend an entry of the cache: %w", err), e.Discard())
	}
	return nil
}

// half says whether a file was not finished: temporary ones of ours and of git,
// locks of git, and refs and other small files that a power cut emptied.
func half(d fs.DirEntry) bool {
	name := d.Name()
	if strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, ".tmp-") || strings.HasSuffix(name, ".lock") {
		return true
	}
	info, err := d.Info()
	return err == nil && info.Size() == 0
}
