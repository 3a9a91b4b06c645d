package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

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
		unlock = func() { <-l.slot; k.leave(key, l) }
		if err := ctx.Err(); err != nil { // who gave up may have called again meanwhile
			unlock()
			return nil, fmt.Errorf("wait for another call on the same server: %w", err)
		}
		return unlock, nil
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
