package jsonl

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A line that the file takes only a part of is taken off again, and what is
// said later begins a line.
func TestAppendIsWholeOrNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lines")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := Append(f, 1); n != 2 || err != nil {
		t.Fatalf("it grew by %d: %v", n, err)
	}
	limit(t, 100)
	if n, err := Append(f, strings.Repeat("x", 200)); n != 0 || !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("beyond the limit it grew by %d: %v", n, err)
	}
	if n, err := Append(f, "x"); n != 4 || err != nil {
		t.Fatalf("it grew by %d: %v", n, err)
	}
	if got, err := os.ReadFile(path); string(got) != "1\n\"x\"\n" || err != nil {
		t.Errorf("the file is %q: %v", got, err)
	}
}

// limit lets no file of this process grow beyond some bytes, as a full disk does.
func limit(t *testing.T, bytes uint64) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
	})
}
