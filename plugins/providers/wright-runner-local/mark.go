package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/wright-build/wright/plugins/environ"
	"golang.org/x/sys/unix"
)

// markName is the variable that the processes of a sandbox are found by.
const markName = "WRIGHT_SANDBOX"

// pause is between two looks for what was killed or was just being forked.
const pause = 5 * time.Millisecond

// endMarked kills every process with a mark and returns when none is left: when
// two looks have found none, because one that is just becoming another program
// has no environment for a moment.
func endMarked(ctx context.Context, mark string) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for clean := 0; ; {
		left, err := killMarked(mark)
		if err != nil {
			return err
		}
		if clean++; left > 0 {
			clean = 0
		} else if clean == 2 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil { // also when both have come
			return fmt.Errorf("%d processes may be left: %w", left, err)
		}
	}
}

// killMarked kills the processes that carry the mark now, and says how many
// they were. It waits a little for their end.
func killMarked(mark string) (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	var killed []int
	defer func() {
		for _, fd := range killed {
			_ = unix.Close(fd)
		}
	}()
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		fd, err := killIf(pid, mark)
		if err != nil {
			return len(killed), fmt.Errorf("kill process %d: %w", pid, err)
		}
		if fd >= 0 {
			killed = append(killed, fd)
		}
	}
	for _, fd := range killed {
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
	}
	return len(killed), nil
}

// patience is how long the end of one killed process is waited for. One that
// the kernel holds longer is found again by the next look.
const patience = 100 * time.Millisecond

// killIf kills a process if it carries the mark, and gives a descriptor of it;
// -1 if it does not. The descriptor stands for the process that was looked at,
// whoever gets its number later.
func killIf(pid int, mark string) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return -1, nil // it has ended
	} else if err != nil {
		return -1, err
	}
	if environ.Has(pid, markName+"="+mark) { // else of another user, ended, or not ours
		if err = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err == nil {
			return fd, nil
		}
		if !errors.Is(err, unix.ESRCH) {
			return -1, errors.Join(err, unix.Close(fd))
		}
	}
	return -1, unix.Close(fd)
}
