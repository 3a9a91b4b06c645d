package suite

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/wright-build/wright/plugins"
)

// T is one run of one check: what testing.T is to a test, and the bench on which
// the provider lies, see bench.go.
type T struct {
	check   Check
	subject Subject
	kind    plugins.Kind
	name    string               // of the provider
	about   *plugins.Description // nil when the provider does not tell
	of      kindChecks
	id      string     // unique for this run of the check; in every token, so that nothing is met by chance
	parent  string     // holds nothing but the state directory
	log     *logBuffer // all that is said
	said    *logBuffer // what the provider said
	told    *logBuffer // what it told as progress
	hide    *redactor
	proxy   *proxy // nil where the provider talks no HTTP that we know of

	mu       sync.Mutex // guards all below
	ctx      context.Context
	failures []string
	skipped  string // why; empty means it is not
	looked   string // at how much, where that depends on how fast the provider is
	cleanups []func()
	opened   int // hosts
}

// Context ends when the check is interrupted. While it cleans up, it is another
// that an interruption does not end.
func (t *T) Context() context.Context {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ctx
}

// Name gives the name of the check.
func (t *T) Name() string { return t.check.Name }

// Helper is there for those who are used to it.
func (t *T) Helper() {}

// Logf writes to the log that a failure shows.
func (t *T) Logf(format string, args ...any) {
	_, _ = fmt.Fprintf(t.log, "suite: "+format+"\n", args...)
}

func (t *T) fail(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 20
	if text = t.hide.text(text); slices.Contains(t.failures, text) {
		return
	}
	if len(t.failures) < most {
		t.failures = append(t.failures, text)
	} else if len(t.failures) == most {
		t.failures = append(t.failures, "and more, which are not shown")
	}
}

// Errorf fails the check and goes on. Report tells more.
func (t *T) Errorf(format string, args ...any) { t.Report(Finding{Did: fmt.Sprintf(format, args...)}) }

// Error is Errorf with the words of fmt.Sprintln.
func (t *T) Error(args ...any) { t.Errorf("%s", fmt.Sprintln(args...)) }

// Fatalf is Errorf, and the end of the check.
func (t *T) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

// Fatal is Error, and the end of the check.
func (t *T) Fatal(args ...any) { t.Fatalf("%s", fmt.Sprintln(args...)) }

// Skipf ends the check without a verdict.
func (t *T) Skipf(format string, args ...any) {
	t.mu.Lock()
	t.skipped = fmt.Sprintf(format, args...)
	t.mu.Unlock()
	runtime.Goexit()
}

// stopNow ends the check, which has failed.
func (t *T) stopNow() { runtime.Goexit() }

// Failed says whether the check failed so far.
func (t *T) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.failures) > 0
}

// Cleanup has f run when the check is over, the last first.
func (t *T) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

// TempDir gives a new directory that ends with the check.
func (t *T) TempDir() string {
	dir, err := os.MkdirTemp("", "wright-verify-")
	if err != nil {
		t.Fatalf("the suite cannot make a directory: %v", err)
	}
	t.Cleanup(func() { t.remove(dir) })
	return dir
}

// remove takes away a directory, also where the provider left parts of it read-only.
func (t *T) remove(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(dir); err != nil {
		t.Errorf("the suite cannot remove %s, which the provider filled: %v", dir, err)
	}
}

// protect runs f in a goroutine of its own, which Fatalf may end.
func (t *T) protect(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				t.fail(fmt.Sprintf("the check itself panicked: %v\n%s", r, debug.Stack()))
			}
		}()
		f()
	}()
	<-done
}

// clean runs what Cleanup was given, with a context that the check's interruption
// does not end.
func (t *T) clean(ctx context.Context) {
	t.mu.Lock()
	t.ctx = ctx
	t.mu.Unlock()
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			return
		}
		f := t.cleanups[n-1]
		t.cleanups = slices.Delete(t.cleanups, n-1, n)
		t.mu.Unlock()
		t.protect(f)
	}
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
