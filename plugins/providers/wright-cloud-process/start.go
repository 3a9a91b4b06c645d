package main

import (
	"context"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

// startLimit is how long a daemon may take until it is ready.
const startLimit = 10 * time.Second

// ensure starts the daemon of a server unless it runs, with little memory.
func (p *provider) ensure(ctx context.Context, dir string) error {
	return onhost.Daemon{
		Name: plugins.BinaryName(plugins.Cloud, "process"), Dir: dir, Limit: startLimit, Env: []string{"GOMAXPROCS=1", "GOGC=25", "GOMEMLIMIT=24MiB"},
	}.Ensure(ctx, &p.machines)
}

// end stops the daemon, which stops its tree, and kills what is left of either. A
// daemon that is just starting has the lock a moment before it says its process
// ID, so the signal is tried until it is sent.
func end(ctx context.Context, dir string, stopTimeout time.Duration) error {
	lock := filepath.Join(dir, onhost.LockFile)
	// The daemon needs the time until SIGKILL and a little for the rest.
	limited, cancel := context.WithTimeout(ctx, stopTimeout+10*time.Second)
	told := false
	err := poll(limited, func() bool {
		told = told || signalMachine(lock, unix.SIGTERM)
		return !onhost.IsLocked(lock)
	})
	cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		signalMachine(lock, unix.SIGKILL)
	}
	return poll(ctx, func() bool {
		left := marked(dir)
		signalAll(left, unix.SIGKILL)
		return len(left) == 0 && !onhost.IsLocked(lock)
	})
}

// signalMachine signals the daemon that holds the lock, and no other process
// that may have got its ID: the lock is looked at again with the process in hand.
func signalMachine(lock string, s unix.Signal) bool {
	pid := readPID(lock)
	if pid == 0 || !onhost.IsLocked(lock) {
		return false
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	return onhost.IsLocked(lock) && readPID(lock) == pid && unix.PidfdSendSignal(fd, s, nil, 0) == nil
}

// poll asks done at once and then every 10 ms until it says yes.
func poll(ctx context.Context, done func() bool) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
