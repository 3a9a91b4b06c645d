//go:build linux

package environ

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// start starts a program with only these variables, and ends it with the test.
func start(t *testing.T, env []string, argv ...string) int {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func TestHas(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "MARK=m": true, "A=b\x00MARK=m\x00": true, "MARK=mm\x00": false,
		"X_MARK=m\x00": false, "A=MARK=m\x00": false, "A=\nMARK=m\x00": false,
	} {
		if got := has([]byte(text), "MARK=m"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// A process that becomes one program after the other is never overlooked.
func TestAProcessThatBecomesAnother(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec \"$0\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	pid := start(t, []string{"MARK=here"}, script)
	for n := range 20_000 {
		if !Has(pid, "MARK=here") {
			t.Fatalf("overlooked at look %d", n)
		}
	}
}

// Who has no environment is not waited for: not one started without, no zombie,
// no thread of the kernel, and nobody.
func TestWhoHasNoneIsNotWaitedFor(t *testing.T) {
	bare := start(t, []string{}, "/usr/bin/env", "-i", "sleep", "1000")
	zombie := exec.Command("/bin/true")
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = zombie.Wait() }()
	for _, pid := range []int{bare, zombie.Process.Pid} {
		for len(Of(pid)) > 0 { // until env has become sleep, and true has ended
		}
	}
	for name, pid := range map[string]int{"without": bare, "zombie": zombie.Process.Pid, "kthreadd": 2, "nobody": 1 << 30} {
		begun := time.Now()
		Of(pid)
		if took := time.Since(begun); took >= patience {
			t.Errorf("%s is waited for: %v", name, took)
		}
	}
}
