package detect

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// spent is how much processor time f takes, whatever else the machine is at and
// without what the race detector costs.
func spent(t *testing.T, f func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime(t)
	f()
	return (threadTime(t) - before) / slowdown
}

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}
