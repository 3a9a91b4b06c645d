package autowatch

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace"
	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/manifests"
)

// A detached HEAD is what was checked out last.
func TestDetached(t *testing.T) {
	origin := gittest.New(t)
	first := origin.Commit("one", nil)
	origin.Branch("side")
	side := origin.Commit("side", nil)
	origin.Branch("tagged")
	tagged := origin.Commit("tagged", nil)
	origin.Tag("v1")
	origin.Branch("main")
	head := origin.Commit("two", nil)
	main, sideways := []manifests.Watch{watch(origin.URL(), "main", head)}, []manifests.Watch{watch(origin.URL(), "side", side)}
	tests := []struct {
		name    string
		prepare func(c *gittest.Repo)
		unasked []manifests.Watch // what is certain without asking
		want    []manifests.Watch
	}{
		{"a tag", func(c *gittest.Repo) { c.Git("checkout", "-q", "v1") }, nil, nil},
		{"a full tag", func(c *gittest.Repo) { c.Git("checkout", "-q", "refs/tags/v1") }, nil, nil},
		{"a commit that is a head", func(c *gittest.Repo) { c.Git("checkout", "-q", side) }, nil, nil},
		{"a short commit", func(c *gittest.Repo) { c.Git("checkout", "-q", side[:8]) }, nil, nil},
		{"an older one", func(c *gittest.Repo) { c.Git("checkout", "-q", "HEAD~1") }, nil, nil},
		{"a remote's branch", func(c *gittest.Repo) { c.Git("checkout", "-q", "origin/side") }, sideways, sideways},
		{"a remote's branch in full", func(c *gittest.Repo) { c.Git("checkout", "-q", "refs/remotes/origin/side") }, sideways, sideways},
		{"reset to a remote's branch", func(c *gittest.Repo) {
			c.Git("checkout", "-q", "--detach")
			c.Git("reset", "-q", "--hard", "origin/side")
		}, sideways, sideways},
		{"what was fetched", func(c *gittest.Repo) {
			c.Git("fetch", "-q", "origin", "side")
			c.Git("checkout", "-q", "FETCH_HEAD")
		}, sideways, sideways},
		{"a tag that was fetched", func(c *gittest.Repo) {
			c.Git("fetch", "-q", "origin", "tag", "v1")
			c.Git("checkout", "-q", "FETCH_HEAD")
		}, nil, nil},
		{"detached from the branch", func(c *gittest.Repo) { c.Git("checkout", "-q", "--detach") }, nil, main},
		{"cloned at a tag", func(c *gittest.Repo) {
			c.Git("clone", "-q", "-b", "v1", origin.URL(), "../c2")
			c.Dir = filepath.Join(filepath.Dir(c.Dir), "c2")
		}, nil, nil},
		{"no history", func(c *gittest.Repo) {
			c.Git("checkout", "-q", "--detach", "origin/side")
			c.Git("update-ref", "--no-deref", "-m", "x", "HEAD", first)
			c.Git("update-ref", "--no-deref", "-m", "x", "HEAD", side)
		}, nil, sideways},
		{"no history, at a tagged head", func(c *gittest.Repo) {
			c.Git("checkout", "-q", "--detach", "origin/side")
			c.Git("update-ref", "--no-deref", "-m", "x", "HEAD", tagged)
		}, nil, nil},
		{"no history, at a head that was tagged later", func(c *gittest.Repo) {
			c.Git("tag", "-d", "v1")
			c.Git("checkout", "-q", "--detach", "origin/side")
			c.Git("update-ref", "--no-deref", "-m", "x", "HEAD", tagged)
		}, nil, nil},
		{"no history, tagged here", func(c *gittest.Repo) {
			c.Git("tag", "-a", "-m", "x", "mine", "origin/side")
			c.Git("checkout", "-q", "--detach", "origin/side")
			c.Git("update-ref", "--no-deref", "-m", "x", "HEAD", first)
			c.Git("update-ref", "--no-deref", "-m", "x", "HEAD", side)
		}, nil, nil},
		{"what was fetched, by the remote's own URL", func(c *gittest.Repo) {
			c.Git("remote", "set-url", "origin", origin.URL()+"/")
			c.Git("fetch", "-q", "origin", "side")
			c.Git("checkout", "-q", "FETCH_HEAD")
		}, []manifests.Watch{watch(origin.URL()+"/", "side", side)}, []manifests.Watch{watch(origin.URL()+"/", "side", side)}},
		{"committed on top", func(c *gittest.Repo) { c.Git("checkout", "-q", "--detach"); c.Commit("mine", nil) }, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ws := gittest.New(t)
			ws.Git("clone", "-q", origin.URL(), "c")
			tt.prepare(gittest.Open(t, filepath.Join(ws.Dir, "c")))
			at := filepath.Join(ws.Dir, "c")
			if strings.Contains(tt.name, "cloned") {
				at += "2"
			}
			got, warnings := findIn(t, at, Options{Local: true})
			same(t, got, tt.unasked...)
			quiet(t, warnings)
			got, warnings = asked(t, at, Options{Local: true}, workspace.Remotes{})
			same(t, got, tt.want...)
			quiet(t, warnings)
		})
	}
}

// Without a remote in the config, what was fetched says where it came from.
func TestFetchedOnly(t *testing.T) {
	origin := gittest.New(t)
	head := origin.Commit("one", nil)
	c := gittest.New(t)
	c.Git("fetch", "-q", origin.URL(), "main")
	c.Git("checkout", "-q", "FETCH_HEAD")
	got, warnings := findIn(t, c.Dir, Options{Local: true})
	same(t, got, watch("file://"+origin.Dir, "main", head))
	quiet(t, warnings)
}

// The source itself is only detached when it is pinned; a clone beside it need not be.
func TestPinnedSource(t *testing.T) {
	origin := gittest.New(t)
	head := origin.Commit("one", nil)
	ws := filepath.Join(t.TempDir(), "ws")
	if _, err := workspace.Fetch(t.Context(), ws, workspace.Source{URL: origin.URL(), Revision: head, Pinned: true}, t.Output()); err != nil {
		t.Fatal(err)
	}
	got, _ := asked(t, ws, Options{Local: true, Fetched: true, Pinned: true}, workspace.Remotes{})
	same(t, got)
	got, _ = asked(t, ws, Options{Local: true}, workspace.Remotes{})
	same(t, got, watch(origin.URL(), "main", head))
}

// A shallow clone of one branch, and one of a tag that is a head as well.
func TestShallow(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", nil)
	head := origin.Commit("two", nil)
	ws := gittest.New(t)
	ws.Git("clone", "-q", "--depth=1", origin.URL(), "a")
	got, warnings := asked(t, ws.Dir, Options{Local: true}, workspace.Remotes{})
	same(t, got, watch(origin.URL(), "main", head))
	quiet(t, warnings)

	origin.Tag("v1")
	pinned := gittest.New(t)
	pinned.Git("clone", "-q", "--depth=1", "-b", "v1", origin.URL(), "a")
	got, warnings = asked(t, pinned.Dir, Options{Local: true}, workspace.Remotes{})
	same(t, got)
	quiet(t, warnings)
}

// Submodules of submodules: who names a branch is followed, at every depth.
func TestNestedSubmodules(t *testing.T) {
	leaf, fixed, lib, shop := gittest.New(t), gittest.New(t), gittest.New(t), gittest.New(t)
	leaf.Commit("one", nil)
	fixed.Commit("one", nil)
	lib.Commit("one", nil)
	lib.AddSubmodule(leaf.URL(), "leaf", "main")
	lib.AddSubmodule(fixed.URL(), "fixed", "")
	shop.Commit("one", nil)
	shop.AddSubmodule(lib.URL(), "lib", "")
	head := leaf.Commit("two", nil)
	for name, lay := range map[string]func(t *testing.T, ws string){
		"by us": func(t *testing.T, ws string) {
			if _, err := workspace.Fetch(t.Context(), ws, workspace.Source{URL: shop.URL(), Submodules: true}, t.Output()); err != nil {
				t.Fatal(err)
			}
		},
		"by git": func(t *testing.T, ws string) {
			r := gittest.New(t)
			r.Git("clone", "-q", "--recurse-submodules", shop.URL(), ws)
			gittest.Open(t, filepath.Join(ws, "lib")).Git("submodule", "--quiet", "update", "--remote", "leaf")
		},
	} {
		t.Run(name, func(t *testing.T) {
			ws := filepath.Join(t.TempDir(), "ws")
			lay(t, ws)
			got, warnings := asked(t, ws, Options{Local: true, Fetched: true}, workspace.Remotes{})
			same(t, got, watch(shop.URL(), "main", shop.Head()), watch(leaf.URL(), "main", head))
			quiet(t, warnings)
			for _, w := range got {
				if want := map[string]string{shop.URL(): ".git", leaf.URL(): "lib/.gitmodules:2"}[w.URL]; w.From != want {
					t.Errorf("%s is from %q, want %q", w.URL, w.From, want)
				}
			}
		})
	}
}

func TestTarget(t *testing.T) {
	who := " Ann <ann@example.test> 1 +0000\t"
	for line, want := range map[string]string{
		c2 + " " + c1 + who + "checkout: moving from main to origin/x": "origin/x",
		c2 + " " + c1 + who + "reset: moving to v1":                    "v1",
		c2 + " " + c1 + who + "clone: from https://h/p":                "",
		c1 + " " + c2 + who + "checkout: moving from main to x":        "", // another commit
		c2 + " " + c1 + who + "commit: checkout: moving from a to b":   "",
		"": "", "x": "", "\t": "",
	} {
		if got := target(line, c1); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestMeant(t *testing.T) {
	at := tree{commit: c1, config: gitfile.Config{Remotes: map[string]string{"origin": "https://h/p", "fork": "https://h/f"}}}
	for name, want := range map[string]origin{
		"origin/a/b": {remote: "origin", ref: "refs/heads/a/b"}, "remotes/fork/x": {remote: "fork", ref: "refs/heads/x"}, "refs/tags/v1": {pinned: true},
		"tags/v1": {pinned: true}, c1[:7]: {pinned: true}, "HEAD~2": {pinned: true}, "x@{1}": {pinned: true}, "HEAD^{}": {pinned: true},
		"origin/HEAD": {}, "main": {}, "HEAD": {}, "other/x": {}, c2: {},
	} {
		got, ok := meant(name, at)
		if !reflect.DeepEqual(got, want) || ok != !reflect.DeepEqual(want, origin{}) {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

func TestFetchHead(t *testing.T) {
	for line, want := range map[string]origin{
		c1 + "\t\tbranch 'a/b' of https://h/p":            {ref: "refs/heads/a/b", url: "https://h/p"},
		c1 + "\tnot-for-merge\tbranch 'x' of /srv/p":      {ref: "refs/heads/x", url: "/srv/p"},
		c1 + "\t\ttag 'v1' of https://h/p":                {pinned: true},
		c1 + "\t\t'refs/pull/1/head' of https://h/p":      {ref: "refs/pull/1/head", url: "https://h/p"},
		c1 + "\t\thttps://h/p":                            {ref: "HEAD", url: "https://h/p"},
		c2 + "\t\tbranch 'x' of https://h/p":              {},
		c1 + "\t\tremote-tracking branch 'x' of ../there": {},
		"": {}, c1: {},
	} {
		if got, ok := fetched(line+"\n", c1); !reflect.DeepEqual(got, want) || ok != !reflect.DeepEqual(want, origin{}) {
			t.Errorf("%q: %+v, %v, want %+v", line, got, ok, want)
		}
	}
}
