package timerslack

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "tell" {
		tell()
		return
	}
	os.Exit(m.Run())
}

// tell widens this process, and prints the slack of its threads, of a program
// that it starts and of one that is to keep the usual.
func tell() {
	if err := Widen(); err != nil {
		fmt.Println(err)
	}
	var threads sync.WaitGroup
	together := make(chan struct{})
	said := make([]string, 4)
	for i := range said {
		threads.Go(func() {
			runtime.LockOSThread()
			slack, err := get()
			said[i] = fmt.Sprint(slack, err)
			<-together
		})
	}
	close(together)
	threads.Wait()
	own := exec.Command("cat", "/proc/self/timerslack_ns")
	own.Stdout = os.Stdout
	fmt.Println(strings.Join(said, " "), os.Getenv(widened), own.Run())
	others := exec.Command("cat", "/proc/self/timerslack_ns")
	others.Stdout = os.Stdout
	fmt.Println(Keep(others.Start), others.Wait())
	after, err := get()
	fmt.Println(after, err)
}

// told is what a process tells that was started with a slack.
func told(t *testing.T, slack time.Duration) string {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := get()
	if err != nil {
		t.Fatal(err)
	}
	if err := set(slack); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := set(before); err != nil {
			t.Error(err)
		}
	}()
	out, err := exec.Command(os.Args[0], "tell").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// All threads are widened, what is started takes that over, and what is to keep
// the usual slack has it; afterwards the thread is as wide as before.
func TestWiden(t *testing.T) {
	const want = "1000000\n1ms <nil> 1ms <nil> 1ms <nil> 1ms <nil>  <nil>\n50000\n<nil> <nil>\n1ms <nil>\n"
	for _, slack := range []time.Duration{1, Usual, Wide} {
		if got := told(t, slack); got != want {
			t.Errorf("started with %s:\n%swant\n%s", slack, got, want)
		}
	}
}

// Who gave the process a wider slack means it, for all that it starts.
func TestWiderStays(t *testing.T) {
	const want = "5000000\n5ms <nil> 5ms <nil> 5ms <nil> 5ms <nil>  <nil>\n5000000\n<nil> <nil>\n5ms <nil>\n"
	if got := told(t, 5*time.Millisecond); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A process whose slack does not stay is begun anew once.
func TestOnlyOnce(t *testing.T) {
	t.Setenv(widened, "1")
	const want = "50000\n50µs <nil> 50µs <nil> 50µs <nil> 50µs <nil>  <nil>\n50000\n<nil> <nil>\n50µs <nil>\n"
	if got := told(t, Usual); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
