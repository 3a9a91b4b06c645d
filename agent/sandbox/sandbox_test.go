package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/runner"
)

// far is a runner with a memory, whose calls can be made to fail.
type far struct {
	runner.Provider
	mu      sync.Mutex // guards all below
	there   map[string]runner.Spec
	failing error
	made    func(token string) // called before a sandbox is made; may be nil
}

func (f *far) Runner(_ context.Context, name string) (runner.Provider, error) {
	if name != "far" {
		return nil, plugins.Errorf(plugins.NotFound, "no runner %s", name)
	}
	return f, nil
}

func (f *far) Create(_ context.Context, s runner.Spec) (*runner.Sandbox, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.made != nil {
		f.made(s.Token)
	}
	f.there[s.Token] = s
	return &runner.Sandbox{Token: s.Token, Tags: s.Tags}, f.failing
}

func (f *far) Command(_ context.Context, _ string, c runner.Command) (*runner.Command, error) {
	return &c, nil
}

func (f *far) Delete(_ context.Context, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing == nil {
		delete(f.there, token)
	}
	return f.failing
}

func (f *far) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing = err
}

func (f *far) left() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.there))
}

func newKeeper(t *testing.T, f *far, dir string) *Keeper {
	t.Helper()
	k, err := New(Config{Dir: dir, Providers: f, Installation: "inst", Agent: "one", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func spec(token string) Spec {
	return Spec{ID: ID{"far", token}, Workspace: "/w", Instance: "shop", Build: "shop-000001", Config: map[string]any{"a": "b"}}
}

// TestNotedBeforeItIsMade: and forgotten when it has ended.
func TestNotedBeforeItIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "notes")
	f := &far{there: map[string]runner.Spec{}}
	k := newKeeper(t, f, dir)
	f.made = func(token string) {
		if !k.Made(ID{"far", token}) {
			t.Error("it is made before it is noted")
		}
	}
	for range 2 {
		if _, err := k.Make(t.Context(), spec("t.1")); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{plugins.InstallationTag: "inst", "wright-agent": "one", "wright-instance": "shop", "wright-build": "shop-000001"}
	if s := f.there["t.1"]; !maps.Equal(s.Tags, want) || s.Workspace != "/w" || s.Config["a"] != "b" {
		t.Errorf("made %+v", s)
	}
	for range 2 {
		if err := k.End(t.Context(), ID{"far", "t.1"}); err != nil || k.Made(ID{"far", "t.1"}) || len(f.left()) != 0 {
			t.Errorf("ended: %v, left %v", err, f.left())
		}
	}
}

// TestNextProcessEndsWhatNobodyHolds, and leaves alone what is held.
func TestNextProcessEndsWhatNobodyHolds(t *testing.T) {
	dir := t.TempDir()
	f := &far{there: map[string]runner.Spec{}}
	for _, token := range []string{"held.1", "left.1", "failed.1"} {
		f.fail(map[string]error{"failed.1": errors.New("half made")}[token])
		if _, err := newKeeper(t, f, dir).Make(t.Context(), spec(token)); (err != nil) != (token == "failed.1") {
			t.Fatal(err)
		}
	}
	f.fail(nil)
	k := newKeeper(t, f, dir)
	k.sweep(t.Context(), func(token string) bool { return token == "held.1" })
	if left := f.left(); !slices.Equal(left, []string{"held.1"}) || k.Made(ID{"far", "left.1"}) {
		t.Errorf("left: %v", left)
	}
	k.sweep(t.Context(), func(string) bool { return false })
	if left := f.left(); !slices.Equal(left, []string{"held.1"}) {
		t.Errorf("what was held was ended by somebody else: %v", left)
	}
}

// TestEndIsTriedAgain until it works, and by the next process if there is one.
func TestEndIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := &far{there: map[string]runner.Spec{}}
		k := newKeeper(t, f, dir)
		if _, err := k.Make(t.Context(), spec("t.1")); err != nil {
			t.Fatal(err)
		}
		f.fail(errors.New("not now"))
		if err := k.End(t.Context(), ID{"far", "t.1"}); err == nil || !k.Made(ID{"far", "t.1"}) {
			t.Errorf("it could not be ended, and End says %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var sweeping sync.WaitGroup
		sweeping.Go(func() { newKeeper(t, f, dir).Sweep(ctx, func(string) bool { return false }) })
		sweeping.Go(func() { k.Sweep(ctx, func(string) bool { return false }) })
		synctest.Wait()
		f.fail(nil)
		synctest.Wait()
		if len(f.left()) != 1 {
			t.Error("it was tried again without a pause")
		}
		<-time.After(sweepEvery)
		synctest.Wait()
		if len(f.left()) != 0 || k.Made(ID{"far", "t.1"}) {
			t.Errorf("left: %v", f.left())
		}
		stop()
		sweeping.Wait()
	})
}

// TestWhatMayWorkLaterIsTriedAgain a few times, and nothing else is.
func TestWhatMayWorkLaterIsTriedAgain(t *testing.T) {
	transient := plugins.Errorf(plugins.Transient, "died")
	for name, tt := range map[string]struct {
		errs []error
		want int // calls
	}{
		"it works":           {[]error{nil}, 1},
		"the plugin died":    {[]error{transient, transient, nil}, 3},
		"it dies each time":  {[]error{transient, transient, transient, transient, nil}, 4},
		"it will never work": {[]error{plugins.Errorf(plugins.Denied, "no"), nil}, 1},
		"nobody knows":       {[]error{errors.New("odd"), nil}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			err := persist(t.Context(), func() error { calls++; return tt.errs[calls-1] })
			if calls != tt.want || !errors.Is(err, tt.errs[calls-1]) {
				t.Errorf("%s: %d calls, %v", name, calls, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := persist(ctx, func() error { return transient }); !errors.Is(err, transient) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestRefusedNames: no name leaves the directory of the notes.
func TestRefusedNames(t *testing.T) {
	f := &far{there: map[string]runner.Spec{}}
	dir := t.TempDir()
	k := newKeeper(t, f, filepath.Join(dir, "notes"))
	for _, token := range []string{"", ".", "..", "../x", "a/b", "/etc"} {
		if _, err := k.Make(t.Context(), spec(token)); err == nil {
			t.Errorf("%q was taken", token)
		}
	}
	s := spec("t")
	s.Provider = "nowhere"
	if _, err := k.Make(t.Context(), s); plugins.CodeOf(err) != plugins.NotFound {
		t.Errorf("without its plugin: %v", err)
	}
	if entries, err := os.ReadDir(dir); len(f.left()) != 0 || len(entries) > 1 {
		t.Errorf("made %v, %v, %v", f.left(), entries, err)
	}
}

// TestWrapLeavesOutWhatNoPluginTakes of the agent's own environment.
func TestWrapLeavesOutWhatNoPluginTakes(t *testing.T) {
	f := &far{there: map[string]runner.Spec{}}
	s, err := newKeeper(t, f, t.TempDir()).Make(t.Context(), spec("t"))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"A": "b\nc", "BASH_FUNC_x%%": "() { :; }", "B": "\xff", "": "x"}
	got, err := s.Wrap(t.Context(), runner.Command{Args: []string{"true"}, Env: env, Dir: "/"})
	if err != nil || !maps.Equal(got.Env, map[string]string{"A": "b\nc"}) || len(env) != 4 {
		t.Errorf("%v, %v", got, err)
	}
}
