package detect

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// enough is processor time that no hostile text takes which is read in a time that
// grows with its size: each takes a fraction of it, what is read again and again
// takes minutes.
const enough = 10 * time.Second

// hostile begins a test of texts that are made to be costly. They go through one
// goroutine and take minutes under the race detector, which can learn nothing there.
func hostile(t *testing.T) {
	t.Helper()
	if underRace {
		t.Skip("what a text costs is not told under the race detector")
	}
}

// bounded fails the test if f takes more processor time than enough, whatever else
// the machine is at.
func bounded(t *testing.T, f func(), about string, args ...any) {
	t.Helper()
	if took := spent(t, f); took > enough && !underRace {
		t.Errorf("it took %v of the processor: "+about, append([]any{took}, args...)...)
	}
}

func spent(t *testing.T, f func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime(t)
	f()
	return threadTime(t) - before
}

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}
