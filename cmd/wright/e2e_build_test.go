package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestBuildStartWaitTellsTheEnd: build start --wait exits with 0 for a build
// that succeeds, and with 1 for one that fails, naming the step on stderr.
func TestBuildStartWaitTellsTheEnd(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev()
	h.Manifest("good", "[[step]]\nname = \"greet\"\nrun = \"echo hello\"\n")
	h.Manifest("bad", "[[step]]\nname = \"fine\"\nrun = \"true\"\n[[step]]\nname = \"crooked\"\nrun = \"exit 3\"\n")
	if r := h.Run("build", "start", "good", "--wait"); r.Status != 0 || r.Out != "good-000001\n" {
		t.Errorf("good: status %d, stdout %q, stderr %q", r.Status, r.Out, r.Err)
	}
	if got := h.Run("build", "log", "good-1").Out; got != "hello\n" {
		t.Errorf("log of good: %q", got)
	}
	r := h.Run("build", "start", "bad", "--wait")
	if r.Status != 1 || !strings.Contains(r.Err, "step crooked") || !strings.Contains(r.Err, "exit status 3") {
		t.Errorf("bad: status %d, stderr %q", r.Status, r.Err)
	}
	if r := h.Run("build", "start", "nobody", "--wait"); r.Status != 1 {
		t.Errorf("unknown instance: status %d, stderr %q", r.Status, r.Err)
	}
}

// outputSize is how much the step of TestLogIsExactAndMemoryIsBounded writes.
func outputSize(t *testing.T) int64 {
	mib := 100
	if s := os.Getenv("WRIGHT_TEST_OUTPUT_MIB"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		mib = n
	}
	return int64(mib)<<20 - 1
}

// TestLogIsExactAndMemoryIsBounded: build log prints the bytes of a step
// exactly, however many and of whatever kind, while neither master nor agent
// grows by more than 50 MB. WRIGHT_TEST_OUTPUT_MIB=1024 makes it a gigabyte.
func TestLogIsExactAndMemoryIsBounded(t *testing.T) {
	t.Parallel()
	size := outputSize(t)
	h := wrighttest.New(t)
	master := h.Master()
	agent := h.Agent("one")
	h.Manifest("warm", "[[step]]\nrun = \"echo warm\"\n")
	h.AwaitState(h.Start("warm").ID, "succeeded")
	h.Run("build", "log", "warm")
	before := memory(master, agent)

	h.Manifest("spew", fmt.Sprintf("[[step]]\nrun = '''%s'''\n", wrighttest.Task(t, fmt.Sprint("spew ", size))))
	b := h.AwaitState(h.Start("spew").ID, "succeeded")
	wantBytes(t, h, b.ID, size)
	for name, highest := range memory(master, agent) {
		t.Logf("%s: %d MiB before, %d MiB at its highest", name, before[name]>>20, highest>>20)
		if highest-before[name] > 50<<20 && !wrighttest.Race {
			t.Errorf("%s grew from %d MiB to %d MiB", name, before[name]>>20, highest>>20)
		}
	}
}

// memory is the highest resident memory of processes by name.
func memory(all ...*wrighttest.Process) map[string]int64 {
	m := map[string]int64{}
	for _, p := range all {
		_, m[p.Name] = p.Memory()
	}
	return m
}

// wantBytes wants the log of a build to be what its only step has spewed.
func wantBytes(t *testing.T, h *wrighttest.House, id string, size int64) {
	t.Helper()
	got, gotSize := digestOfLog(t, h, id)
	want := sha256.New()
	if _, err := io.Copy(want, wrighttest.Bytes(size)); err != nil {
		t.Fatal(err)
	}
	if gotSize != size || got != fmt.Sprintf("%x", want.Sum(nil)) {
		t.Errorf("the log has %d bytes with digest %s; the step wrote %d with %x", gotSize, got, size, want.Sum(nil))
	}
}

// digestOfLog is what wright build log prints, too long to be kept.
func digestOfLog(t *testing.T, h *wrighttest.House, id string) (digest string, size int64) {
	t.Helper()
	cmd := exec.Command(filepath.Join(wrighttest.Programs(t), "wright"), "build", "log", id, "--address", h.Address)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	size, err = io.Copy(sum, out)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("wright build log %s: %v", id, err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), size
}
