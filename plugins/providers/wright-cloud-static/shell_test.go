package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shell is the loop as a host runs it, without SSH.
type shell struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func newShell(t *testing.T, sh, dir string) *shell {
	t.Helper()
	cmd := exec.Command(sh, "-c", shellLoop)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	s := &shell{in, bufio.NewReader(out)}
	s.run(t, enter(dir), "")
	return s
}

func (s *shell) run(t *testing.T, command, want string) {
	t.Helper()
	if _, err := io.WriteString(s.in, framed(command, "MARK")); err != nil {
		t.Fatal(err)
	}
	got, status, err := reply(s.out, "MARK")
	if err != nil || status != 0 || got != want {
		t.Errorf("%.80s: %q, status %d, %v; want %q", command, got, status, err, want)
	}
}

func TestSwap(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip(err)
	}
	dir := filepath.Join(t.TempDir(), "it's a \"dir\" $HOME")
	s := newShell(t, "sh", dir)
	hostile := `{"a":"it's $(touch evil) \\n \n %s ` + "`id`" + ` é"}`
	s.run(t, show, "")
	s.run(t, swap("x", "y", nil), "")
	s.run(t, swap("", hostile, nil), hostile)
	s.run(t, show, hostile)
	s.run(t, swap("", "other", nil), hostile)
	s.run(t, swap(hostile+" ", "other", nil), hostile)
	environment := "A='x\ny'\\''\\c%s$(touch evil)'\n"
	s.run(t, swap("nobody's", "second", &environment), hostile)
	if _, err := os.Stat(filepath.Join(dir, "environment")); err == nil {
		t.Error("the environment came without its lease")
	}
	s.run(t, swap(hostile, "second", &environment), "second")
	b, err := os.ReadFile(filepath.Join(dir, "environment"))
	if err != nil || string(b) != environment {
		t.Errorf("the environment is %q, %v", b, err)
	}
	for _, name := range []string{"environment", "lease"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	s.run(t, swap("second", "", nil), "")
	s.run(t, show, "")
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 || entries[0].Name() != "lock" {
		t.Errorf("left are %v", entries)
	}
}

// Nobody comes between the comparing and the writing of a swap: while another has
// the lock, it waits, and then it compares with what the other left.
func TestSwapWaitsForTheLock(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	s := newShell(t, "sh", dir)
	lock, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	swapped := make(chan struct{})
	go func() {
		defer close(swapped)
		s.run(t, swap("", "mine", nil), "theirs")
	}()
	awaitWaiter(t, lock, swapped)
	if err := os.WriteFile(filepath.Join(dir, "lease"), []byte("theirs\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	<-swapped
	s.run(t, show, "theirs")
}

// awaitWaiter waits until somebody waits for the lock of a file, or ended without.
func awaitWaiter(t *testing.T, lock *os.File, ended chan struct{}) {
	t.Helper()
	info, err := lock.Stat()
	if err != nil {
		t.Fatal(err)
	}
	inode := fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile("/proc/locks")
		if err != nil {
			t.Skip(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "->") && strings.Contains(line, inode) {
				return
			}
		}
		select {
		case <-ended:
			return
		case <-tick.C:
		}
	}
}

// A command that is cut off by a lost connection is not carried out.
func TestCutOff(t *testing.T) {
	dir := t.TempDir()
	s := newShell(t, "sh", dir)
	line := framed("touch first; touch second", "MARK")
	if _, err := io.WriteString(s.in, line[:len("{ touch first; ")]); err != nil {
		t.Fatal(err)
	}
	_ = s.in.Close()
	if _, _, err := reply(s.out, "MARK"); !errors.Is(err, errEnded) {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("there are %v", entries)
	}
}

func FuzzReply(f *testing.F) {
	f.Add("some output\n\nMARK 0\n")
	f.Add("MARK x\n")
	f.Fuzz(func(t *testing.T, text string) {
		output, _, err := reply(bufio.NewReader(strings.NewReader(text)), "MARK")
		if err == nil && strings.Contains("\n"+output+"\n", "\nMARK 0\n") {
			t.Errorf("%q gives %q", text, output)
		}
	})
}
