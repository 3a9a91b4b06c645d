package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// lockPath takes the lock of a file, waiting for it, until the result is closed.
func lockPath(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// tryLock takes the daemon's lock of a file if nobody has it; held says that
// somebody does. The lock belongs to the open file, as flock's does, but whether
// it is held can be asked without taking it: see isLocked.
func tryLock(path string) (f *os.File, held bool, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	if err == nil {
		return f, false, nil
	}
	held = errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES)
	if held {
		err = nil
	}
	return nil, held, errors.Join(err, f.Close())
}

// isLocked says whether somebody has the lock that tryLock takes.
func isLocked(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	lock := unix.Flock_t{Type: unix.F_RDLCK}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock)
	return err == nil && lock.Type != unix.F_UNLCK
}

// readPID gives 0 when the file holds none.
func readPID(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// keyedLocks serializes the work on one server within this process.
type keyedLocks struct {
	mu    sync.Mutex // guards all below
	locks map[string]*keyedLock
}

type keyedLock struct {
	slot  chan struct{} // holds one value while locked
	users int
}

// lock waits for the key; the result unlocks it.
func (k *keyedLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	l := k.join(key)
	select {
	case l.slot <- struct{}{}:
		return func() { <-l.slot; k.leave(key, l) }, nil
	case <-ctx.Done():
		k.leave(key, l)
		return nil, fmt.Errorf("wait for another call on the same server: %w", ctx.Err())
	}
}

// tryLock takes the key if nobody has it.
func (k *keyedLocks) tryLock(key string) (unlock func(), ok bool) {
	l := k.join(key)
	select {
	case l.slot <- struct{}{}:
		return func() { <-l.slot; k.leave(key, l) }, true
	default:
		k.leave(key, l)
		return nil, false
	}
}

func (k *keyedLocks) join(key string) *keyedLock {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.locks[key]
	if l == nil {
		l = &keyedLock{slot: make(chan struct{}, 1)}
		if k.locks == nil {
			k.locks = map[string]*keyedLock{}
		}
		k.locks[key] = l
	}
	l.users++
	return l
}

func (k *keyedLocks) leave(key string, l *keyedLock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(k.locks, key)
	}
}
