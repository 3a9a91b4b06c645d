package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func TestLaunchFailures(t *testing.T) {
	tests := []struct {
		mode string
		code plugins.Code
		says string
	}{
		{"silent", plugins.Transient, "start"},
		{"garbage", plugins.Transient, "start"},
		{"exits", plugins.Transient, "start"},
		{"wrongname", plugins.Invalid, `"another"`},
		{"refuses", plugins.Invalid, "no region on the moon"},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			h, logged := open(t, tt.mode, func(h *Host) {
				if tt.mode == "silent" {
					h.limits.start = 300 * time.Millisecond
				}
			})
			_, err := h.Cloud(t.Context(), tt.mode)
			if plugins.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got code %q, %v; want %q and %q in it", plugins.CodeOf(err), err, tt.code, tt.says)
			}
			if tt.mode == "exits" && logged.count("ERROR panic: no config") != 1 {
				t.Errorf("its last words are not logged: %q", logged.list)
			}
			if pid := h.Plugins()[0].PID; pid != 0 {
				t.Errorf("process %d still runs", pid)
			}
		})
	}
}

func TestBackOffOfLaunches(t *testing.T) {
	h, _ := open(t, "exits", func(h *Host) { h.limits.firstBackOff = time.Hour; h.limits.maxBackOff = time.Hour })
	for range 2 {
		if _, err := h.Cloud(t.Context(), "exits"); err == nil {
			t.Fatal("launched")
		}
	}
	_, err := h.Cloud(t.Context(), "exits")
	e, ok := errors.AsType[*plugins.Error](err)
	if !ok || e.Code != plugins.Transient || e.RetryAfter < 59*time.Minute || !strings.Contains(err.Error(), "2 times in a row") {
		t.Errorf("after two failures: %v", err)
	}
}

func TestBackOff(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: 0, 1: 0, 2: 100, 3: 200, 4: 400, 10: 25600, 11: 30000, 100000: 30000} {
		if got := backOff(failures, 100, 30000); got != want {
			t.Errorf("after %d failures %d, want %d", failures, got, want)
		}
	}
}

func TestCloseDoesNotWaitForTheStopped(t *testing.T) {
	h, _ := open(t, "good", func(h *Host) { h.limits.stop = 100 * time.Millisecond })
	launch(t, h, "good")
	pid := h.Plugins()[0].PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := h.Close(); err != nil || time.Since(start) > 30*time.Second || !gone(fmt.Sprint(pid)) {
		t.Errorf("close: %v after %v, gone %v", err, time.Since(start), gone(fmt.Sprint(pid)))
	}
}

func TestChildrenOfThePlugin(t *testing.T) {
	h, _ := open(t, "good", nil)
	p := launch(t, h, "good")
	s, err := p.Create(t.Context(), cloud.Spec{Token: "children"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { killPID(t, s.Variables["OUTSIDE"]) })
	start := time.Now()
	if err := h.Close(); err != nil || time.Since(start) > 30*time.Second {
		t.Errorf("close: %v after %v", err, time.Since(start))
	}
	eventually(t, "the child in the group gone", func() bool { return gone(s.Variables["INSIDE"]) })
	if gone(s.Variables["OUTSIDE"]) {
		t.Error("the child that left the group is gone, too: servers must survive")
	}
}

func TestConcurrentFirstCalls(t *testing.T) {
	h, _ := open(t, "good", nil)
	var wg sync.WaitGroup
	var mu sync.Mutex // guards pids
	pids := map[string]bool{}
	for range 16 {
		wg.Go(func() {
			p, err := h.Cloud(t.Context(), "good")
			if err != nil {
				t.Error(err)
				return
			}
			s, err := p.Create(t.Context(), cloud.Spec{Token: "t"})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			pids[s.Variables["PID"]] = true
		})
	}
	wg.Wait()
	if len(pids) != 1 {
		t.Errorf("processes %v, want one", pids)
	}
}

func TestCloseDuringLaunch(t *testing.T) {
	h, _ := open(t, "silent", nil)
	failed := make(chan error)
	go func() { _, err := h.Cloud(t.Context(), "silent"); failed <- err }()
	eventually(t, "the launch", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.plugins) == 1
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := h.Cloud(ctx, "silent"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller with little time waited: %v", err)
	}
	start := time.Now()
	if err := h.Close(); err != nil || time.Since(start) > 30*time.Second {
		t.Errorf("close: %v after %v", err, time.Since(start))
	}
	if err := <-failed; err == nil {
		t.Error("the launch succeeded")
	}
}

// A host that is killed takes its plugins with it, also busy ones.
func TestHostKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "--be-host", linkPlugins(t, "good"), t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	f := strings.Fields(line)
	if err != nil || len(f) != 4 {
		t.Fatalf("the host said %q, %v", line, err)
	}
	pid, inside, outside, sockets := f[0], f[1], f[2], f[3]
	t.Cleanup(func() { killPID(t, outside) })
	if gone(pid) || gone(inside) {
		t.Fatal("the plugin does not even run")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "the plugin gone", func() bool { return gone(pid) })
	eventually(t, "its child gone", func() bool { return gone(inside) })
	eventually(t, "its sockets gone", func() bool { _, err := os.Stat(sockets); return errors.Is(err, fs.ErrNotExist) })
}

// TestOneCallMeetsAKill: after it the next one is answered by a new process, at
// once, however the connection of the old one looks meanwhile.
func TestOneCallMeetsAKill(t *testing.T) {
	for range 20 {
		h, _ := open(t, "good", nil)
		p := launch(t, h, "good")
		killPID(t, fmt.Sprint(h.Plugins()[0].PID))
		_, err := p.List(t.Context(), nil)
		if err != nil && plugins.CodeOf(err) != plugins.Transient {
			t.Fatalf("the call that met the kill: %v", err)
		}
		if _, err := p.List(t.Context(), nil); err != nil {
			t.Fatalf("the next one: %v", err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func killPID(t *testing.T, s string) {
	var pid int
	if _, err := fmt.Sscan(s, &pid); err != nil || pid < 2 {
		t.Errorf("no process: %q", s)
		return
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func TestNothingIsLeft(t *testing.T) {
	count := func() (goroutines, files int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return runtime.NumGoroutine(), len(entries)
	}
	life := func() {
		h, _ := open(t, "good", nil)
		p := launch(t, h, "good")
		for range 2 { // one life ends by itself, one by close
			_, _ = p.Create(t.Context(), cloud.Spec{Token: "die"})
			eventually(t, "launched again", func() bool { _, err := p.List(t.Context(), nil); return err == nil })
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	life() // what stays for ever, such as a resolver, stays from here on
	goroutines, files := count()
	for range 3 {
		life()
	}
	eventually(t, "as few goroutines and files as before", func() bool {
		g, f := count()
		return g <= goroutines+1 && f <= files+1
	})
}
