package process

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A step outlives the agent that started it, and its verdict waits for the next one.
func TestAgentComesBack(t *testing.T) {
	first, dir := fresh(t)
	long := sh(dir, "long", "while [ ! -e go ]; do sleep 0.01; done; exit 4")
	short := sh(dir, "short", "exit 5")
	start(t, first, long)
	start(t, first, short)
	first.Close()
	if _, err := first.Wait(t.Context(), "long"); !errors.Is(err, ErrClosed) {
		t.Errorf("wait after close: %v", err)
	}
	waitFor(t, "the short step", func() bool { _, err := os.Stat(short.Result); return err == nil })

	second := connect(t, dir)
	start(t, second, short)
	if e := wait(t, second, "short"); e.Code != 5 {
		t.Errorf("short: %+v", e)
	}
	os.WriteFile(filepath.Join(dir, "go"), nil, 0o600)
	if e := wait(t, second, "long"); e.Code != 4 { // without a Start
		t.Errorf("long: %+v", e)
	}
}

// A step goes on, and ends, while no agent is there and past the linger.
func TestVerdictOutlivesTheSupervisor(t *testing.T) {
	first, dir := fresh(t)
	spec := sh(dir, "alone", "sleep 0.5; exit 6")
	start(t, first, spec)
	first.Close()
	waitFor(t, "the supervisor to end", func() bool {
		_, err := os.Stat(filepath.Join(dir, socketName))
		return os.IsNotExist(err)
	})
	second := connect(t, dir)
	if e := run(t, second, spec); e.Code != 6 {
		t.Errorf("got %+v", e)
	}
}

// A supervisor that its agent has left ends when its steps have, without lingering.
func TestSupervisorEndsWhenLeft(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	c, err := Connect(t.Context(), dir, []string{os.Args[0], "internal-supervise", dir, "1h"}, log)
	if err != nil {
		t.Fatal(err)
	}
	spec := sh(dir, "last", "while [ ! -e go ]; do sleep 0.01; done")
	start(t, c, spec)
	if err := c.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	os.WriteFile(filepath.Join(dir, "go"), nil, 0o600)
	waitFor(t, "the supervisor to end", func() bool {
		_, err := os.Stat(filepath.Join(dir, socketName))
		return os.IsNotExist(err)
	})
	if _, err := readResult(spec.Result, "last"); err != nil {
		t.Errorf("it ended before its step: %v", err)
	}
}

// The journal alone is enough, without a Result file.
func TestJournalOutlivesTheSupervisor(t *testing.T) {
	first, dir := fresh(t)
	ends, runs, gone := sh(dir, "ends", "exit 6"), sh(dir, "runs", "sleep 60"), sh(dir, "gone", "exit 7")
	ends.Result, runs.Result, gone.Result = "", "", ""
	run(t, first, ends)
	run(t, first, gone)
	if err := first.Forget(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	start(t, first, runs)
	first.Close()
	killSupervisor(t, dir)
	second := connect(t, dir)
	if e := wait(t, second, "ends"); e.Code != 6 {
		t.Errorf("ends: %+v", e)
	}
	start(t, second, runs)
	if _, err := second.Wait(t.Context(), "runs"); !errors.Is(err, ErrSupervisorLost) {
		t.Errorf("runs: %v", err)
	}
	if _, err := second.Wait(t.Context(), "gone"); !errors.Is(err, ErrUnknownStep) {
		t.Errorf("gone: %v", err)
	}
	if err := second.Forget(t.Context(), "runs"); err != nil {
		t.Fatal(err)
	}
	runs.Argv = []string{"/bin/true"}
	if e := run(t, second, runs); !e.Succeeded() {
		t.Errorf("after it was forgotten: %+v", e)
	}
}

func TestSupervisorLost(t *testing.T) {
	c, dir := fresh(t)
	spec := sh(dir, "lost", "(setsid sleep 60 &) ; echo $$ > pid; sleep 60")
	done := sh(dir, "done", "exit 9")
	start(t, c, spec)
	run(t, c, done)
	pid := pidIn(t, filepath.Join(dir, "pid"))
	killSupervisor(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := c.Wait(ctx, "lost"); !errors.Is(err, ErrSupervisorLost) {
		t.Fatalf("got %v, want ErrSupervisorLost", err)
	}
	if alive(pid) {
		t.Error("a process of the dead supervisor is left")
	}
	if e := wait(t, c, "done"); e.Code != 9 {
		t.Errorf("done: %+v", e)
	}
	// It must not run again, whoever asks.
	other := connect(t, dir)
	start(t, other, spec)
	if _, err := other.Wait(ctx, "lost"); !errors.Is(err, ErrSupervisorLost) {
		t.Errorf("second agent: %v, want ErrSupervisorLost", err)
	}
	if e := run(t, c, sh(dir, "next", "exit 1")); e.Code != 1 {
		t.Errorf("next: %+v", e)
	}
}

func TestSupervisorIsTerminated(t *testing.T) {
	c, dir := fresh(t)
	start(t, c, sh(dir, "step", "sleep 60"))
	if err := syscall.Kill(supervisorPid(t, dir), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if e := wait(t, c, "step"); !e.Killed || !strings.Contains(e.Reason, "told to stop") {
		t.Errorf("got %+v", e)
	}
}

// Agents that connect at once share one supervisor.
func TestOneSupervisor(t *testing.T) {
	_, dir := fresh(t)
	pid := supervisorPid(t, dir)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { connect(t, dir) })
	}
	wg.Wait()
	if again := supervisorPid(t, dir); again != pid {
		t.Errorf("supervisor %d became %d", pid, again)
	}
	cmd := exec.Command(os.Args[0], "internal-supervise", dir, "1s")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("a second supervisor: %v %s", err, out)
	}
}

func TestLongDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	c := connect(t, dir)
	if e := run(t, c, sh(dir, "x", "exit 2")); e.Code != 2 {
		t.Errorf("got %+v", e)
	}
	fi, err := os.Stat(filepath.Join(dir, socketName))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v %v", fi.Mode(), err)
	}
}

func TestConnectFails(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := Connect(ctx, t.TempDir(), []string{"/bin/false"}, slog.New(slog.DiscardHandler))
	if err == nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// A client that sends rubbish hurts only itself.
func TestRubbishOnTheSocket(t *testing.T) {
	c, dir := fresh(t)
	nc, err := net.Dial("unix", filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write([]byte(strings.Repeat("\xff\x00rubbish", 1000)))
	io.Copy(io.Discard, nc) // until the supervisor hangs up
	if e := run(t, c, sh(dir, "x", "exit 0")); !e.Succeeded() {
		t.Errorf("got %+v", e)
	}
}

func TestManyAtOnce(t *testing.T) {
	c, dir := fresh(t)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				id := strings.Repeat("x", w+1) + strings.Repeat("y", i)
				spec := sh(dir, id, "sleep 60 & exit 3")
				if i%2 == 0 {
					spec = sh(dir, id, "exit 3")
				}
				if e := run(t, c, spec); e.Code != 3 {
					t.Errorf("%s: %+v", id, e)
				}
				c.Forget(t.Context(), id)
			}
		})
	}
	wg.Wait()
}
