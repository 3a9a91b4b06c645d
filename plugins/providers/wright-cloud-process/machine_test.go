package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestPauses(t *testing.T) {
	want := []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000}
	for i, ms := range want {
		if got := pauseAfter(i + 1); got != ms*time.Millisecond {
			t.Errorf("after %d quick ends: %v, want %v ms", i+1, got, ms)
		}
	}
	if got := pauseAfter(1_000_000); got != lastPause {
		t.Errorf("after a million: %v", got)
	}
}

// A program may be called anything, also what looks like the fields of stat.
func TestParentOfEvilName(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("there is no sleep")
	}
	link := filepath.Join(t.TempDir(), "x) R 1 (y")
	if err := os.Symlink(sleep, link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(link, "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if parent, ok := parentOf(cmd.Process.Pid); !ok || parent != os.Getpid() {
		t.Errorf("its parent is %d, want %d", parent, os.Getpid())
	}
	found := false
	for _, p := range descendants(os.Getpid()) {
		found = found || p == cmd.Process.Pid
	}
	if !found {
		t.Error("it is not among the descendants")
	}
}

func TestMarkedNeedsTheExactCookie(t *testing.T) {
	dir := t.TempDir()
	start := func(env string) int {
		cmd := exec.Command("sleep", "1000")
		cmd.Env = []string{env}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd.Process.Pid
	}
	own := start(cookieName + "=" + dir)
	start(cookieName + "=" + dir + "x")
	start("X" + cookieName + "=" + dir)
	start("WRIGHT_APPSERVER_DIR=" + dir)
	eventually(t, "only the marked process is found", func() bool {
		found := marked(dir)
		return len(found) == 1 && found[0] == own
	})
}
