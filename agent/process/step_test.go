package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestExit(t *testing.T) {
	c, dir := fresh(t)
	tests := []struct {
		name, script string
		want         Exit
	}{
		{"ok", "exit 0", Exit{}},
		{"status", "exit 7", Exit{Code: 7}},
		{"signal", "kill -KILL $$", Exit{Code: -1, Signal: "killed"}},
		{"segv", "kill -SEGV $$", Exit{Code: -1, Signal: "segmentation fault"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := run(t, c, sh(dir, tt.name, tt.script))
			if got.Code != tt.want.Code || got.Signal != tt.want.Signal || got.Killed || got.StartError != "" {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if got.StartedAt.IsZero() || got.FinishedAt.Before(got.StartedAt) {
				t.Errorf("times %v to %v", got.StartedAt, got.FinishedAt)
			}
			file := resultFile(t, filepath.Join(dir, tt.name+".json"))
			if file.Code != got.Code || file.Signal != got.Signal || file.ID != tt.name {
				t.Errorf("result file says %+v, Wait %+v", file, got)
			}
		})
	}
}

func TestStartError(t *testing.T) {
	c, dir := fresh(t)
	tests := []struct{ name, program, dir, want string }{
		{"program", "/no/such/shell", dir, "/no/such/shell"},
		{"lookup", "no-such-program", dir, "in the step's PATH"},
		{"directory", "/bin/true", "/no/such/dir", "working directory /no/such/dir"},
		{"permission", "/etc/passwd", dir, "permission denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := sh(dir, tt.name, "")
			spec.Argv, spec.Dir = []string{tt.program}, tt.dir
			got := run(t, c, spec)
			if !strings.Contains(got.StartError, tt.want) || got.Code != -1 {
				t.Errorf("got %+v, want a StartError with %q", got, tt.want)
			}
			resultFile(t, spec.Result)
		})
	}
	spec := sh(dir, "output", "")
	spec.Output = "/no/such/dir/out"
	if err := c.Start(t.Context(), spec); err == nil {
		t.Error("an output that cannot be opened was accepted")
	}
	spec.Output = ""
	if e := run(t, c, spec); !e.Succeeded() {
		t.Errorf("after the output was mended: %+v", e)
	}
}

func TestEnvironmentAndFiles(t *testing.T) {
	t.Setenv("SECRET_OF_THE_AGENT", "x")
	c, dir := fresh(t)
	spec := sh(dir, "env", `env; ls -l /proc/self/fd | wc -l; pwd; cat; echo err >&2; trap`)
	spec.Env = append(spec.Env, "ODD=\xff\xfe")
	if err := os.WriteFile(spec.Output, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, c, spec)
	out := read(t, spec.Output)
	for _, want := range []string{"before\n", "ODD=\xff\xfe\n", cookieStep + "=env\n", dir + "\n", "err\n", "\n5\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in the output:\n%s", want, out)
		}
	}
	if strings.Contains(out, "SECRET") {
		t.Errorf("the agent's environment leaked:\n%s", out)
	}
}

func TestNoSignalIsIgnoredInSteps(t *testing.T) {
	c, dir := fresh(t)
	run(t, c, sh(dir, "sig", "grep SigIgn /proc/self/status; grep SigBlk /proc/self/status"))
	out := read(t, filepath.Join(dir, "sig.out"))
	var ignored, blocked uint64
	if _, err := fmt.Sscanf(out, "SigIgn:\t%x\nSigBlk:\t%x\n", &ignored, &blocked); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	const libc = 1<<31 | 1<<32 // signals 32 and 33 are the C library's own, and not for Go to change
	if (ignored|blocked)&^libc != 0 {
		t.Errorf("a step starts with signals ignored or blocked:\n%s", out)
	}
}

func TestSameIDStartsOnce(t *testing.T) {
	c, dir := fresh(t)
	spec := sh(dir, "once", "echo ran")
	for range 3 {
		start(t, c, spec)
	}
	wait(t, c, "once")
	start(t, c, spec)
	wait(t, c, "once")
	if err := c.Forget(t.Context(), "once"); err != nil {
		t.Fatal(err)
	}
	if e := run(t, c, spec); !e.Succeeded() { // its result file remembers
		t.Errorf("taken up from its result: %+v", e)
	}
	if out := read(t, spec.Output); out != "ran\n" {
		t.Errorf("output %q", out)
	}
}

func TestBadSpecs(t *testing.T) {
	c, _ := fresh(t)
	for _, spec := range []Spec{{}, {ID: "x"}, {Argv: []string{"/bin/true"}}, {ID: "\xff", Argv: []string{"/bin/true"}}, {ID: strings.Repeat("x", maxID+1), Argv: []string{"/bin/true"}}} {
		if err := c.Start(t.Context(), spec); err == nil {
			t.Errorf("%+v was started", spec)
		}
	}
}

func TestDeadline(t *testing.T) {
	c, dir := fresh(t)
	spec := sh(dir, "late", "trap '' TERM; while :; do sleep 0.02; done")
	spec.Deadline = time.Now().Add(100 * time.Millisecond)
	spec.Grace = 100 * time.Millisecond
	e := run(t, c, spec)
	if !e.TimedOut || !e.Killed || e.Signal != "killed" || e.Reason != "deadline passed" {
		t.Errorf("got %+v", e)
	}
	spec = sh(dir, "past", "sleep 60")
	spec.Deadline = time.Now().Add(-time.Hour)
	if e := run(t, c, spec); !e.TimedOut {
		t.Errorf("a deadline in the past: %+v", e)
	}
}

func TestKill(t *testing.T) {
	c, dir := fresh(t)
	start(t, c, sh(dir, "polite", "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done"))
	waitFor(t, "the trap", func() bool { return read(t, filepath.Join(dir, "polite.out")) == "up\n" })
	if err := c.Kill(t.Context(), "polite", "cancelled by ann"); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(t.Context(), "polite", "second"); err != nil {
		t.Fatal(err)
	}
	e := wait(t, c, "polite")
	if !e.Killed || e.TimedOut || e.Code != 3 || e.Reason != "cancelled by ann" {
		t.Errorf("got %+v", e)
	}
	if out := read(t, filepath.Join(dir, "polite.out")); !strings.HasSuffix(out, "bye\n") {
		t.Errorf("output %q", out)
	}
	if err := c.Kill(t.Context(), "polite", "again"); err != nil {
		t.Errorf("kill of an ended step: %v", err)
	}
	if err := c.Kill(t.Context(), "nobody", ""); !errors.Is(err, ErrUnknownStep) {
		t.Errorf("kill of an unknown step: %v", err)
	}
}

func TestForget(t *testing.T) {
	c, dir := fresh(t)
	start(t, c, sh(dir, "runs", "sleep 60"))
	if err := c.Forget(t.Context(), "runs"); err == nil {
		t.Error("a running step was forgotten")
	}
	c.Kill(t.Context(), "runs", "")
	wait(t, c, "runs")
	if err := c.Forget(t.Context(), "runs"); err != nil {
		t.Error(err)
	}
	if _, err := c.Wait(t.Context(), "runs"); !errors.Is(err, ErrUnknownStep) {
		t.Errorf("wait for a forgotten step: %v", err)
	}
}

// A clock that is put forward or back makes no step silent that was not.
func TestSpoken(t *testing.T) {
	looked := time.Unix(100_000, 0)
	now := looked.Add(10 * time.Minute)
	for name, c := range map[string]struct {
		written time.Duration // after the last look, by the clock on the wall
		ago     time.Duration
	}{
		"a minute ago":                             {9 * time.Minute, time.Minute},
		"right after the last look":                {0, 10 * time.Minute},
		"just now, by a clock that lags":           {-4 * time.Millisecond, 10*time.Minute + 4*time.Millisecond},
		"before the clock was put forward":         {-3 * time.Hour, 0},
		"before the clock was put back":            {3 * time.Hour, 0},
		"this moment, by a clock somewhat ahead":   {10*time.Minute + 4*time.Millisecond, -4 * time.Millisecond},
		"before it was put forward by ten minutes": {-time.Minute, 0},
	} {
		if got := now.Sub(spoken(looked.Add(c.written), looked, now)); got != c.ago {
			t.Errorf("%s: it spoke %s ago, want %s", name, got, c.ago)
		}
	}
}

// A step that says nothing for too long is ended; one that goes on saying
// something is not, however long it takes.
func TestSilence(t *testing.T) {
	c, dir := fresh(t)
	silent := sh(dir, "silent", "echo begin; sleep 600")
	silent.Silence = 300 * time.Millisecond
	got := run(t, c, silent)
	if !got.Silent || !got.Killed || got.TimedOut || got.Succeeded() || got.Reason != "no output for 300ms" {
		t.Errorf("the silent one: %+v", got)
	}
	// It is quiet for far less than the limit, and in all takes longer than it.
	chatty := sh(dir, "chatty", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i; sleep 0.5; done")
	chatty.Silence = 5 * time.Second
	if got := run(t, c, chatty); !got.Succeeded() {
		t.Errorf("the one that goes on talking: %+v", got)
	}
}
