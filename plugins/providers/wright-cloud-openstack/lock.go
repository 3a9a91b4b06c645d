package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// locks let one call at a time work on a token, in this process and in others of
// this host. They are bytes of one file, and end with their process, however
// that ends.
type locks struct {
	dir string

	mu    sync.Mutex // guards all below
	users map[string]*slot
}

// slot is a lock within the process.
type slot struct {
	taken chan struct{} // holds one value while taken
	users int
}

// lock is held by a call.
type lock struct {
	locks *locks
	key   string
	file  *os.File
	free  func()
	// since is when a call was found that died or was given up in the middle, so
	// that the cloud may still carry out its last request. Zero means none.
	since time.Time
}

// take waits for the lock of a key.
func (l *locks) take(ctx context.Context, key string) (*lock, error) {
	s := l.join(key)
	select {
	case s.taken <- struct{}{}:
	case <-ctx.Done():
		l.leave(key, s)
		return nil, fmt.Errorf("wait for another call on the same server: %w", ctx.Err())
	}
	held := &lock{locks: l, key: key, free: func() { <-s.taken; l.leave(key, s) }}
	var err error
	if held.file, err = l.lockByte(ctx, byteOf(key)); err != nil {
		held.free()
		return nil, fmt.Errorf("lock the server: %w", err)
	}
	if held.since, err = l.found(ctx, key); err != nil {
		held.release()
		return nil, fmt.Errorf("lock the server: %w", err)
	}
	return held, nil
}

// release gives the lock back.
func (h *lock) release() {
	_ = h.file.Close()
	h.free()
}

// byteOf is the byte of a key; that at 0 is the notes'.
func byteOf(key string) int64 {
	sum := sha256.Sum256([]byte(key))
	return 1 + int64(binary.BigEndian.Uint64(sum[:8])>>2)
}

// lockByte waits for one byte of the file until the result is closed.
func (l *locks) lockByte(ctx context.Context, at int64) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(l.dir, "locks"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1})
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(err, f.Close())
		}
		if !sleep(ctx, pause) {
			return nil, errors.Join(ctx.Err(), f.Close())
		}
	}
}

func (l *locks) join(key string) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.users[key]
	if s == nil {
		s = &slot{taken: make(chan struct{}, 1)}
		if l.users == nil {
			l.users = map[string]*slot{}
		}
		l.users[key] = s
	}
	s.users++
	return s
}

func (l *locks) leave(key string, s *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(l.users, key)
	}
}
