package autowatch

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/agent/workspace"
	"github.com/wright-build/wright/agent/workspace/hgtest"
	"github.com/wright-build/wright/manifests"
)

func hgWatch(url, ref, node string) manifests.Watch {
	return manifests.Watch{VCS: "hg", URL: url, Ref: ref, Revision: node}
}

func TestMercurialTrees(t *testing.T) {
	origin := hgtest.New(t)
	first := origin.Commit("one", map[string]string{"a": "1"})
	origin.Hg("branch", "-q", "side")
	side := origin.Commit("side", map[string]string{"a": "side"})
	origin.Hg("bookmark", "feature")
	origin.Hg("update", "-q", "default")
	origin.Hg("tag", "v1", "-r", first)
	head := origin.Head()
	def, sideways := []manifests.Watch{hgWatch(origin.Dir, "refs/heads/default", head)}, []manifests.Watch{hgWatch(origin.Dir, "refs/heads/side", side)}
	clone := filepath.Join(t.TempDir(), "clone")
	origin.Hg("clone", "-q", origin.Dir, clone)
	tests := []struct {
		name    string
		prepare func(c *hgtest.Repo)
		want    []manifests.Watch
	}{
		{"plain", func(*hgtest.Repo) {}, def},
		{"branch", func(c *hgtest.Repo) { c.Hg("update", "-q", "side") }, sideways},
		{"bookmark", func(c *hgtest.Repo) { c.Hg("update", "-q", "feature") }, []manifests.Watch{hgWatch(origin.Dir, "refs/bookmarks/feature", side)}},
		{"tag", func(c *hgtest.Repo) { c.Hg("update", "-q", "v1") }, nil},
		{"older node", func(c *hgtest.Repo) { c.Hg("update", "-q", "-r", first) }, nil},
		{"nothing", func(c *hgtest.Repo) { c.Hg("update", "-q", "null") }, nil},
		{"no caches", func(c *hgtest.Repo) { os.RemoveAll(filepath.Join(c.Dir, ".hg/cache")) }, def},
		{"no caches, older node", func(c *hgtest.Repo) {
			c.Hg("update", "-q", "-r", first)
			os.RemoveAll(filepath.Join(c.Dir, ".hg/cache"))
		}, nil},
		{"no remote", func(c *hgtest.Repo) { os.Remove(filepath.Join(c.Dir, ".hg/hgrc")) }, nil},
		{"shared", func(c *hgtest.Repo) {
			c.Hg("--config", "extensions.share=", "share", "-q", "-U", c.Dir, c.Dir+"/../shared")
			hgtest.Open(t, filepath.Join(c.Dir, "../shared")).Hg("update", "-q", "side")
		}, append(sideways, def...)},
		{"dirstate v2", func(c *hgtest.Repo) {
			c.Hg("--config", "format.use-dirstate-v2=1", "--config", "format.exp-rc-dirstate-v2=1", "--config", "storage.dirstate-v2.slow-path=allow", "debugupgraderepo", "--run", "-q")
		}, def},
		{"subrepository", func(c *hgtest.Repo) {
			os.CopyFS(filepath.Join(c.Dir, "lib"), os.DirFS(clone))
			os.WriteFile(filepath.Join(c.Dir, ".hgsub"), []byte("lib = "+origin.Dir+"\n"), 0o600)
			os.Remove(filepath.Join(c.Dir, ".hg/hgrc"))
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ws := t.TempDir()
			if err := os.CopyFS(filepath.Join(ws, "c"), os.DirFS(clone)); err != nil {
				t.Fatal(err)
			}
			tt.prepare(hgtest.Open(t, filepath.Join(ws, "c")))
			got, warnings := asked(t, ws, Options{Local: true}, workspace.Remotes{})
			same(t, got, tt.want...)
			quiet(t, warnings)
		})
	}
}

// What the agent itself has fetched.
func TestMercurialSource(t *testing.T) {
	origin := hgtest.New(t)
	first := origin.Commit("one", map[string]string{"a": "1"})
	head := origin.Commit("two", map[string]string{"a": "2"})
	for name, tt := range map[string]struct {
		source workspace.Source
		want   []manifests.Watch
	}{
		"live":   {workspace.Source{}, []manifests.Watch{hgWatch(origin.Dir, "refs/heads/default", head)}},
		"older":  {workspace.Source{Revision: first}, nil},
		"frozen": {workspace.Source{Revision: head, Pinned: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ws := filepath.Join(t.TempDir(), "ws")
			tt.source.VCS, tt.source.URL = "hg", origin.Dir
			if _, err := workspace.Fetch(t.Context(), ws, tt.source, t.Output()); err != nil {
				t.Fatal(err)
			}
			got, warnings := asked(t, ws, Options{Local: true, Fetched: true, Pinned: tt.source.Pinned}, workspace.Remotes{})
			same(t, got, tt.want...)
			quiet(t, warnings)
		})
	}
}

func TestDefaultPath(t *testing.T) {
	for text, want := range map[string]string{
		"[paths]\ndefault = https://h/p\ndefault:pushurl = ssh://h/p\n":      "https://h/p",
		"[ui]\ndefault = x\n[paths] # here\ndefault=/srv/p\n[ui]\ndefault=y": "/srv/p",
		"# [paths]\ndefault = x": "", "": "", "[paths]\n default = continued": "", "[paths": "",
	} {
		if got := defaultPath(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Whatever the files of a Mercurial work tree hold, what comes out is fit for a watch file.
func FuzzMercurialTree(f *testing.F) {
	node, _ := hex.DecodeString(c1)
	f.Add("[paths]\ndefault = https://h/p\n", "default\n", "", node, c1+" 1\n"+c1+" o default\n", "x = y\n")
	f.Add("[paths]\ndefault = ../p\n", "grün x\n", "@", append([]byte("dirstate-v2\n"), node...), "", "")
	f.Fuzz(func(t *testing.T, hgrc, branch, bookmark string, dirstate []byte, cache, subs string) {
		ws := t.TempDir()
		for _, at := range []string{"", "x"} {
			hg := filepath.Join(ws, at, ".hg")
			os.MkdirAll(filepath.Join(hg, "cache"), 0o755)
			for name, text := range map[string]string{
				"hgrc": hgrc, "branch": branch, "bookmarks.current": bookmark, "dirstate": string(dirstate), "cache/branch2-served": cache, "../.hgsub": subs,
			} {
				os.WriteFile(filepath.Join(hg, name), []byte(text), 0o600)
			}
		}
		found, err := Find(t.Context(), ws, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var answers Answers
		answers.Ask(t.Context(), unreachable{}, found.Remotes())
		watches, _ := found.Watches(&answers)
		if _, err := manifests.ParseWatches("auto", manifests.FormatWatches(watches)); err != nil {
			t.Errorf("%+v: %v", watches, err)
		}
	})
}

func TestIsHgHead(t *testing.T) {
	cache := c3 + " 7\n" + c1 + " o default\n" + c2 + " c default\n" + c3 + " o a b\n"
	for _, tt := range []struct {
		node, branch string
		want         bool
	}{{c1, "default", true}, {c2, "default", false}, {c3, "a b", true}, {c1, "a b", false}, {c3, "default", false}, {c3, "7", false}} {
		if got := isHgHead(cache, tt.node, tt.branch); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
