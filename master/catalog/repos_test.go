package catalog

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/catalog/repos"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

// follow runs a catalog over a directory and repositories until stop.
func follow(t *testing.T, st *store.Store, data, path string, all ...manifests.Repo) (stop func()) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	dir, err := manifests.OpenDir(path, log)
	if err != nil {
		t.Fatal(err)
	}
	r := repos.New(repos.Config{Repos: all, Dir: data, Interval: 50 * time.Millisecond, Log: log})
	if err := r.Prepare(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = New(st, dir, r, log).Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	t.Cleanup(stop)
	return stop
}

// A directory and two repositories are in force together, over a restart at
// which one of them is away.
func TestRunRepos(t *testing.T) {
	st := storetest.Embedded(t)
	text := func(run string) string { return fmt.Sprintf(step, run) }
	path, data := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "local.toml"), []byte(text("local")), 0o600); err != nil {
		t.Fatal(err)
	}
	a, b := gittest.New(t), gittest.New(t)
	first := a.Commit("a", map[string]string{"shop.toml": text("a")})
	b.Commit("b", map[string]string{"x/blog.toml": text("b"), "x/local.toml": text("b")})
	of := []manifests.Repo{{URL: a.URL(), Branch: "main"}, {URL: b.URL(), Directory: "x"}}
	stop := follow(t, st, data, path, of...)
	until(t, st, func(f *state.Facts) bool {
		// Whoever was first has it; the other one's is a fault.
		return len(f.Manifests) == 3 && f.Manifests["shop"].Commit == first && f.Manifests["shop"].Author == "Ann" &&
			f.Manifests["blog"].Repo == b.URL() && f.Faults["local"] != nil
	})
	stop()

	if err := os.Rename(b.Dir, b.Dir+".away"); err != nil {
		t.Fatal(err)
	}
	second := a.Commit("bad", map[string]string{"shop.toml": "bogus", "new.toml": text("new")})
	stop = follow(t, st, data, path, of...)
	until(t, st, func(f *state.Facts) bool {
		return f.Manifests["new"] != nil && f.Faults["shop"] != nil && f.Faults["shop"].Commit == second
	})
	st.Read(func(f *state.Facts) {
		if f.Manifests["shop"].Commit != first || f.Manifests["blog"] == nil || f.Manifests["local"] == nil {
			t.Errorf("a repository that is away, or a bad file, took something away: %v", f.Manifests)
		}
	})
	if err := os.Rename(b.Dir+".away", b.Dir); err != nil {
		t.Fatal(err)
	}
	b.Git("rm", "-q", "x/local.toml")
	b.Commit("it is the directory's", nil)
	until(t, st, func(f *state.Facts) bool {
		m := f.Manifests["local"]
		return m != nil && m.Repo == "" && f.Faults["local"] == nil
	})
	stop()

	follow(t, st, data, path, of[0]) // b is not followed any more
	until(t, st, func(f *state.Facts) bool { return f.Manifests["blog"] == nil })
	st.Read(func(f *state.Facts) {
		if len(f.Manifests) != 3 || !strings.HasPrefix(f.Manifests["local"].File, path) {
			t.Errorf("in force %v", f.Manifests)
		}
	})
}
