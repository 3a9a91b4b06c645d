package timerslack

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// widened tells a program that it was begun anew, so that it is so only once
// wherever the slack does not stay.
const widened = "WRIGHT_TIMER_SLACK"

// Widen begins the program anew with a slack of Wide, which all of its threads
// have then: each takes over that of its maker, and Go makes some before main.
// It is for the start of main, as nothing that was done is kept. It returns nil
// where the slack is as wide already, and an error where it cannot be had, which
// costs speed only.
func Widen() error {
	again := os.Getenv(widened) != ""
	if err := os.Unsetenv(widened); err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := get()
	if err != nil || before >= Wide || again {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if err := set(Wide); err != nil {
		return err
	}
	err = syscall.Exec(self, os.Args, append(os.Environ(), widened+"=1"))
	return fmt.Errorf("begin %s anew: %w", self, errors.Join(err, set(before)))
}

// Keep calls start, which starts a process: where this one was widened, that one
// has the usual slack nevertheless.
func Keep(start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if slack, err := get(); err != nil || slack != Wide || set(Usual) != nil {
		return start()
	}
	defer func() { _ = set(Wide) }() // it could be set to Usual
	return start()
}

func get() (time.Duration, error) {
	slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	return time.Duration(slack), os.NewSyscallError("prctl", err)
}

func set(slack time.Duration) error {
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0))
}
