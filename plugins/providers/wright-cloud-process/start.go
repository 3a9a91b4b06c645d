package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins"
)

const (
	machineFlag = "--machine"
	readyFD     = 3 // the daemon's pipe to whoever started it
	readyWord   = "ready"
	startLimit  = 10 * time.Second
)

// ensure starts the daemon of a server unless it runs. Whoever starts a second
// one is harmless: the daemon's lock lets only one live.
func (p *provider) ensure(ctx context.Context, dir string) error {
	if isLocked(filepath.Join(dir, lockFile)) {
		return nil
	}
	return p.startMachine(ctx, dir)
}

// startMachine starts the daemon, free of this process: its own session, no
// inherited files, no inherited variables.
func (p *provider) startMachine(ctx context.Context, dir string) error {
	complaints, err := os.OpenFile(filepath.Join(dir, daemonLog), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = complaints.Close() }()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	// The link is the file that runs now, though another may have its name since.
	cmd := exec.Command("/proc/self/exe", machineFlag, dir)
	cmd.Args[0] = plugins.BinaryName(plugins.Cloud, "process")
	cmd.Dir = dir
	cmd.Env = machineEnv()
	cmd.Stdout, cmd.Stderr = complaints, complaints
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = errors.Join(cmd.Start(), w.Close())
	if err != nil {
		return err
	}
	p.machines.Go(func() { _ = cmd.Wait() })
	return awaitReady(ctx, r, cmd.Process)
}

// machineEnv is small because of what it leaves out (the agent's secrets) and
// keeps the daemon's memory small.
func machineEnv() []string {
	env := []string{"GOMAXPROCS=1", "GOGC=25", "GOMEMLIMIT=24MiB"}
	for _, name := range []string{"PATH", "LANG", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func awaitReady(ctx context.Context, r *os.File, process *os.Process) error {
	if err := r.SetReadDeadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := io.ReadAll(io.LimitReader(r, 4096))
	switch said := strings.TrimSpace(string(answer)); {
	case said == readyWord:
		return nil
	case ctx.Err() != nil:
		return ctx.Err() // it lives on; the next call finds it
	case err != nil:
		_ = process.Kill()
		return plugins.Errorf(plugins.Transient, "the machine's daemon did not get ready within %v: %w", startLimit, err)
	case said == "":
		return plugins.Errorf(plugins.Transient, "the machine's daemon ended at once; see %s", daemonLog)
	default:
		return fmt.Errorf("the machine's daemon: %s", said)
	}
}

// end stops the daemon, which stops its tree, and kills what is left of either.
func end(ctx context.Context, dir string, stopTimeout time.Duration) error {
	lock := filepath.Join(dir, lockFile)
	if signalMachine(lock, unix.SIGTERM) {
		// The daemon needs the time until SIGKILL and a little for the rest.
		limited, cancel := context.WithTimeout(ctx, stopTimeout+10*time.Second)
		err := poll(limited, func() bool { return !isLocked(lock) })
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			signalMachine(lock, unix.SIGKILL)
		}
	}
	return poll(ctx, func() bool {
		left := marked(dir)
		signalAll(left, unix.SIGKILL)
		return len(left) == 0 && !isLocked(lock)
	})
}

// signalMachine signals the daemon that holds the lock, and no other process
// that may have got its ID: the lock is looked at again with the process in hand.
func signalMachine(lock string, s unix.Signal) bool {
	pid := readPID(lock)
	if pid == 0 || !isLocked(lock) {
		return false
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	return isLocked(lock) && readPID(lock) == pid && unix.PidfdSendSignal(fd, s, nil, 0) == nil
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
