// Package turns lets one call at a time work on a server, among all processes
// that share a directory, for cloud providers. It remembers whether the one
// before died while the far side was asked for something that may still be
// carried out. It knows no far side.
package turns

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Dir holds the locks, which are bytes of one file and end with their process,
// and the notes.
type Dir string

// Turn is the right to work on one server, until Release.
type Turn struct {
	dir  Dir
	key  string
	file *os.File
	// Since is when something was last asked for that nobody knows the end of: by
	// this turn, or by one before that died. Zero means that all is settled.
	Since time.Time
	noted bool
}

// Open makes the directory.
func Open(path string) (Dir, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("the directory %q of the locks is not absolute", path)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("make the directory of the locks: %w", err)
	}
	return Dir(path), nil
}

const (
	firstPause = 2 * time.Millisecond
	lastPause  = 50 * time.Millisecond
	notesByte  = 0 // of the lock of all notes
)

// Take waits for the turn at a key.
func (d Dir) Take(ctx context.Context, key string) (*Turn, error) {
	sum := sha256.Sum256([]byte(key))
	f, err := d.lock(ctx, byteOf(sum))
	if err == nil && ctx.Err() != nil { // who gave up may have called again meanwhile
		err = errors.Join(ctx.Err(), f.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("wait for another call on the same server: %w", err)
	}
	return d.begin(hex.EncodeToString(sum[:16]), f)
}

// Try takes the turn at a key if nobody has it; nil means that somebody does.
func (d Dir) Try(key string) (*Turn, error) {
	sum := sha256.Sum256([]byte(key))
	f, err := d.open()
	if err != nil {
		return nil, err
	}
	taken, err := tryLock(f, byteOf(sum))
	if err != nil || !taken {
		return nil, errors.Join(err, f.Close())
	}
	return d.begin(hex.EncodeToString(sum[:16]), f)
}

// byteOf is the byte of a key; that of the notes is another.
func byteOf(sum [sha256.Size]byte) int64 { return 1 + int64(binary.BigEndian.Uint64(sum[:8])>>2) }

func (d Dir) begin(key string, f *os.File) (*Turn, error) {
	t := &Turn{dir: d, key: key, file: f}
	all, err := d.notes()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the notes: %w", err), f.Close())
	}
	t.Since, t.noted = all[t.key]
	return t, nil
}

// lock waits for one byte of the file until the result is closed. The lock is the
// open file's, so it holds within a process, too.
func (d Dir) lock(ctx context.Context, at int64) (*os.File, error) {
	f, err := d.open()
	if err != nil {
		return nil, err
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		taken, err := tryLock(f, at)
		if taken {
			return f, nil
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (d Dir) open() (*os.File, error) {
	return os.OpenFile(filepath.Join(string(d), "locks"), os.O_RDWR|os.O_CREATE, 0o600)
}

func tryLock(f *os.File, at int64) (taken bool, err error) {
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil, err
}

// Ask notes that the far side is about to be asked for something. Whoever has the
// next turn learns of it, unless Settled is called.
func (t *Turn) Ask(ctx context.Context) error {
	t.Since = time.Now()
	t.noted = true
	if err := t.dir.note(ctx, t.key, t.Since); err != nil {
		return fmt.Errorf("note that the cloud is asked: %w", err)
	}
	return nil
}

// Settled notes that nothing that was asked for can arrive any more.
func (t *Turn) Settled() { t.Since = time.Time{} }

// Release ends the turn.
func (t *Turn) Release(ctx context.Context) {
	if t.noted && t.Since.IsZero() {
		_ = t.dir.note(context.WithoutCancel(ctx), t.key, t.Since) // if it stays, somebody waits in vain
	}
	_ = t.file.Close()
}
