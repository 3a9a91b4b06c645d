package autowatch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace"
	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/manifests"
)

func findIn(t *testing.T, ws string, opts Options) ([]manifests.Watch, []string) {
	t.Helper()
	found, err := Find(t.Context(), ws, opts)
	if err != nil {
		t.Fatal(err)
	}
	watches, warnings := found.Watches(nil)
	return watches, append(found.Warnings, warnings...)
}

// unreachable is a network without hosts.
type unreachable struct{}

func (unreachable) Refs(context.Context, string, string) (map[string]string, string, error) {
	return nil, "", errors.New("no route\nto host")
}

// asked is findIn, with what remotes say.
func asked(t *testing.T, ws string, opts Options, refs Refs) ([]manifests.Watch, []string) {
	t.Helper()
	found, err := Find(t.Context(), ws, opts)
	if err != nil {
		t.Fatal(err)
	}
	var answers Answers
	answers.Ask(t.Context(), refs, found.Remotes())
	watches, warnings := found.Watches(&answers)
	return watches, append(found.Warnings, warnings...)
}

func watch(url, branch, revision string) manifests.Watch {
	return manifests.Watch{VCS: "git", URL: url, Ref: "refs/heads/" + branch, Revision: revision}
}

// same compares lists without regard to order and to where things were found.
func same(t *testing.T, got []manifests.Watch, want ...manifests.Watch) {
	t.Helper()
	got = slices.Clone(got)
	for i := range got {
		if got[i].From == "" {
			t.Errorf("it does not say where %s was found", got[i].URL)
		}
		got[i].From = ""
	}
	if !slices.Equal(Merge(got), Merge(want)) {
		t.Errorf("got  %+v\nwant %+v", Merge(got), Merge(want))
	}
}

func quiet(t *testing.T, warnings []string) {
	t.Helper()
	if len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
}

// A whole workspace as the agent and its steps make it.
func TestWorkspace(t *testing.T) {
	theme, lib, dep, pinned := gittest.New(t), gittest.New(t), gittest.New(t), gittest.New(t)
	for _, r := range []*gittest.Repo{theme, lib, dep, pinned} {
		r.Commit("one", map[string]string{"a": "1"})
	}
	pinned.Tag("v1")
	dep.Branch("stable")
	stable := dep.Commit("stable", nil)
	shop := gittest.New(t)
	old := shop.Commit("one", nil)
	shop.AddSubmodule(theme.URL(), "theme", "main")
	built := shop.AddSubmodule(lib.URL(), "vendor/lib", "")
	shop.Commit("newer", nil)
	themeHead := theme.Commit("two", nil)

	ws := filepath.Join(t.TempDir(), "ws")
	source := workspace.Source{URL: shop.URL(), Revision: built, Submodules: true}
	if _, err := workspace.Fetch(t.Context(), ws, source, t.Output()); err != nil {
		t.Fatal(err)
	}
	after := []manifests.Watch{watch(shop.URL(), "main", built), watch(theme.URL(), "main", themeHead)}
	got, warnings := findIn(t, ws, Options{Local: true})
	same(t, got, after...)
	quiet(t, warnings)

	// What steps add.
	step := gittest.Open(t, ws)
	step.Git("clone", "-q", "-b", "stable", dep.URL(), "build/deep/dep")
	step.Git("clone", "-q", "-b", "v1", pinned.URL(), "pinned")
	step.Git("init", "-q", "scratch")
	gittest.Open(t, filepath.Join(ws, "scratch")).Commit("local", nil)
	step.Git("clone", "-q", shop.URL(), "again")
	gittest.Open(t, filepath.Join(ws, "again")).Git("checkout", "-q", "--detach", old)
	got, warnings = findIn(t, ws, Options{Local: true})
	same(t, got, append(after, watch(dep.URL(), "stable", stable))...)
	quiet(t, warnings)
}

// Submodules as git itself leaves them: detached, with .git files.
func TestSubmodulesByGit(t *testing.T) {
	live, pinned := gittest.New(t), gittest.New(t)
	live.Commit("one", nil)
	pinned.Commit("one", nil)
	shop := gittest.New(t)
	shop.Commit("one", nil)
	shop.AddSubmodule(live.URL(), "live", "main")
	shop.AddSubmodule(pinned.URL(), "pinned", "")
	shop.AddSubmodule(live.URL(), "dot", ".")
	head := live.Commit("two", nil)

	ws := gittest.New(t)
	ws.Git("clone", "-q", "--recurse-submodules", shop.URL(), "shop")
	gittest.Open(t, filepath.Join(ws.Dir, "shop")).Git("submodule", "--quiet", "update", "--remote", "live", "dot")
	got, warnings := findIn(t, ws.Dir, Options{Local: true})
	same(t, got, watch(shop.URL(), "main", shop.Head()), watch(live.URL(), "main", head))
	quiet(t, warnings)
}

func TestUpstreams(t *testing.T) {
	origin, fork := gittest.New(t), gittest.New(t)
	origin.Commit("one", nil)
	first := origin.Head()
	fork.Commit("fork", nil)
	clone := func(t *testing.T) *gittest.Repo {
		ws := gittest.New(t)
		ws.Git("clone", "-q", origin.URL(), "c")
		return gittest.Open(t, filepath.Join(ws.Dir, "c"))
	}
	tests := []struct {
		name    string
		prepare func(c *gittest.Repo)
		want    []manifests.Watch
		warning string
	}{
		{"plain", func(*gittest.Repo) {}, []manifests.Watch{watch(origin.URL(), "main", first)}, ""},
		{"packed refs", func(c *gittest.Repo) { c.Git("pack-refs", "--all") }, []manifests.Watch{watch(origin.URL(), "main", first)}, ""},
		{"branch of another name", func(c *gittest.Repo) { c.Git("branch", "-m", "mine") }, []manifests.Watch{watch(origin.URL(), "main", first)}, ""},
		{"another remote", func(c *gittest.Repo) {
			c.Git("remote", "add", "fork", fork.URL())
			c.Git("fetch", "-q", "fork")
			c.Git("checkout", "-q", "-b", "f", "--track", "fork/main")
		}, []manifests.Watch{watch(fork.URL(), "main", fork.Head())}, ""},
		{"no upstream, but origin has it", func(c *gittest.Repo) { c.Git("branch", "--unset-upstream") },
			[]manifests.Watch{watch(origin.URL(), "main", first)}, ""},
		{"the only remote", func(c *gittest.Repo) { c.Git("remote", "rename", "origin", "up"); c.Git("branch", "--unset-upstream") },
			[]manifests.Watch{watch(origin.URL(), "main", first)}, ""},
		{"local branch", func(c *gittest.Repo) { c.Git("checkout", "-q", "-b", "local") }, nil, "not known to be on remote"},
		{"follows a local branch", func(c *gittest.Repo) { c.Git("checkout", "-q", "-b", "x", "--track", "main") }, nil, ""},
		{"committed on top", func(c *gittest.Repo) { c.Commit("a", nil); c.Commit("b", nil) },
			[]manifests.Watch{watch(origin.URL(), "main", first)}, ""},
		{"amended", func(c *gittest.Repo) { c.Git("commit", "-q", "--amend", "--allow-empty", "-m", "x") },
			[]manifests.Watch{watch(origin.URL(), "main", "")}, ""},
		{"worktree", func(c *gittest.Repo) {
			c.Git("checkout", "-q", "--detach")
			c.Git("worktree", "add", "-q", "../other", "main")
		}, []manifests.Watch{watch(origin.URL(), "main", first)}, ""},
		{"token", func(c *gittest.Repo) { c.Git("remote", "set-url", "origin", "https://hunter2@example.test/a") },
			[]manifests.Watch{watch("https://example.test/a", "main", first)}, "login"},
		{"relative path", func(c *gittest.Repo) { c.Git("remote", "set-url", "origin", "../up") },
			nil, ""}, // completed below
		{"helper", func(c *gittest.Repo) { c.Git("remote", "set-url", "origin", "ext::sh -c x") }, nil, "cannot be watched"},
		{"bad HEAD", func(c *gittest.Repo) {
			c.Write(map[string]string{".git/HEAD": "ref: refs/heads/../../../x\n"})
		}, nil, "HEAD"},
		{"HEAD out of the workspace", func(c *gittest.Repo) {
			os.Remove(filepath.Join(c.Dir, ".git/HEAD"))
			os.Symlink("/etc/hostname", filepath.Join(c.Dir, ".git/HEAD"))
		}, nil, "HEAD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := clone(t)
			tt.prepare(c)
			if tt.name == "relative path" {
				tt.want = []manifests.Watch{watch(filepath.Join(filepath.Dir(c.Dir), "up"), "main", first)}
			}
			got, warnings := findIn(t, filepath.Dir(c.Dir), Options{Local: true})
			same(t, got, tt.want...)
			text := strings.Join(warnings, "\n")
			if tt.warning == "" != (text == "") || !strings.Contains(text, tt.warning) {
				t.Errorf("warnings %q, want %q", text, tt.warning)
			}
			if strings.Contains(text, "hunter2") {
				t.Error("the token is in the warnings")
			}
		})
	}
}

// An older commit on a live branch is what was built, wherever the branch is.
func TestOlderCommit(t *testing.T) {
	origin := gittest.New(t)
	first := origin.Commit("one", nil)
	origin.Commit("two", nil)
	ws := gittest.New(t)
	ws.Git("clone", "-q", origin.URL(), "c")
	gittest.Open(t, filepath.Join(ws.Dir, "c")).Git("reset", "-q", "--hard", first)
	got, _ := findIn(t, ws.Dir, Options{Local: true})
	same(t, got, watch(origin.URL(), "main", first))
}

// A path of this machine means nothing to those elsewhere, unless they are here.
func TestPathsOfThisMachine(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", nil)
	ws := gittest.New(t)
	ws.Git("clone", "-q", origin.URL(), "c")
	got, warnings := findIn(t, ws.Dir, Options{})
	same(t, got)
	if len(warnings) != 1 || !strings.Contains(warnings[0], "path of this machine") {
		t.Errorf("warnings %q", warnings)
	}
}

func TestLeadingOut(t *testing.T) {
	outside := gittest.New(t)
	outside.Commit("one", nil)
	outside.Git("remote", "add", "origin", "https://secret.example.test/x")
	ws := t.TempDir()
	for name, text := range map[string]string{"a": "gitdir: " + outside.Dir + "/.git\n", "b": "gitdir: ../../../../../etc\n", "c": "rubbish"} {
		os.Mkdir(filepath.Join(ws, name), 0o755)
		os.WriteFile(filepath.Join(ws, name, ".git"), []byte(text), 0o600)
	}
	os.Symlink(outside.Dir, filepath.Join(ws, "link"))
	os.Mkdir(filepath.Join(ws, "d"), 0o755)
	os.Symlink(filepath.Join(outside.Dir, ".git"), filepath.Join(ws, "d/.git"))
	got, warnings := findIn(t, ws, Options{Local: true})
	same(t, got)
	if len(warnings) != 4 {
		t.Errorf("warnings: %q", warnings)
	}
}

func TestBounds(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", nil)
	ws := gittest.New(t)
	ws.Git("clone", "-q", origin.URL(), "near")
	ws.Git("clone", "-q", origin.URL(), "x/y/z/far")
	got, warnings := findIn(t, ws.Dir, Options{Local: true, MaxEntries: 5})
	if len(got) > 1 || len(warnings) != 1 || !strings.Contains(warnings[0], "not the whole workspace") {
		t.Errorf("got %v, %q", got, warnings)
	}
	for _, limit := range []time.Duration{1, time.Hour} {
		found, err := Find(t.Context(), ws.Dir, Options{Local: true, MaxTime: limit})
		if err != nil || found.Hasty != (limit == 1) || found.Hasty != (len(found.Warnings) > 0) {
			t.Errorf("within %s: %+v, %v", limit, found, err)
		}
	}
	if _, err := Find(t.Context(), filepath.Join(ws.Dir, "none"), Options{Local: true}); err == nil {
		t.Error("no error for a missing workspace")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(ctx, ws.Dir, Options{Local: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
