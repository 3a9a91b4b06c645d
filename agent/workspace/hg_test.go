package workspace

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/hgtest"
)

func fetchHg(t *testing.T, s Source) (*Result, *hgtest.Repo) {
	t.Helper()
	s.VCS = "hg"
	dir := filepath.Join(t.TempDir(), "src")
	r, err := Fetch(t.Context(), dir, s, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	repo := hgtest.Open(t, dir)
	if status := repo.Hg("status"); status != "" {
		t.Errorf("the work tree is not clean:\n%s", status)
	}
	if head := repo.Head(); head != r.Revision || r.Tool != ToolHg {
		t.Errorf("%s is checked out, the result says %+v", head, r)
	}
	return r, repo
}

func TestMercurial(t *testing.T) {
	origin := hgtest.New(t)
	first := origin.Commit("one", map[string]string{"a.txt": "1"})
	origin.Hg("tag", "v1.0")
	second := origin.Commit("two", map[string]string{"a.txt": "2"})
	origin.Hg("branch", "-q", `sp"ecial/side`)
	side := origin.Commit("side", map[string]string{"a.txt": "side"})
	origin.Hg("bookmark", "feature")
	origin.Hg("update", "-q", "default")
	origin.Hg("commit", "-q", "--config", "ui.allowemptycommit=yes", "-m", "closed", "--close-branch")
	origin.Hg("update", "-q", second)
	origin.Hg("commit", "-q", "--config", "ui.allowemptycommit=yes", "-m", "again")
	again := origin.Head()

	tests := []struct {
		name, branch, revision string
		pinned                 bool
		want, onBranch, text   string
	}{
		{"default", "", "", false, again, "default", "2"},
		{"branch", `sp"ecial/side`, "", false, side, `sp"ecial/side`, "side"},
		{"bookmark", "feature", "", false, side, "feature", "side"},
		{"older node of the branch", "default", first, false, first, "default", "1"},
		{"frozen node", "", first, true, first, "", "1"},
		{"tag", "", "v1.0", false, first, "", "1"},
		{"short", "", side[:8], false, side, "", "side"},
	}
	for name, url := range map[string]string{"path": origin.Dir, "file": "file://" + origin.Dir, "http": origin.Serve()} {
		for i, tt := range tests {
			if i > 0 && name != "http" {
				break // the transports differ in nothing else
			}
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				r, repo := fetchHg(t, Source{URL: url, Branch: tt.branch, Revision: tt.revision, Pinned: tt.pinned})
				if r.Revision != tt.want || r.Branch != tt.onBranch {
					t.Errorf("got %+v, want %s on %q", r, tt.want, tt.onBranch)
				}
				if data, _ := os.ReadFile(filepath.Join(repo.Dir, "a.txt")); string(data) != tt.text {
					t.Errorf("a.txt holds %q, want %q", data, tt.text)
				}
				active, _ := os.ReadFile(filepath.Join(repo.Dir, ".hg/bookmarks.current"))
				if want := tt.branch == "feature"; want != (string(active) == "feature") {
					t.Errorf("the active bookmark is %q", active)
				}
			})
		}
	}
}

func TestMercurialErrors(t *testing.T) {
	origin := hgtest.New(t)
	empty := hgtest.New(t)
	origin.Commit("one", map[string]string{"a": "1"})
	bundle := filepath.Join(t.TempDir(), "bundle")
	origin.Hg("bundle", "-q", "--all", bundle)
	for _, tt := range []struct {
		s    Source
		want string
	}{
		{Source{URL: origin.Dir, Branch: "none"}, "no such branch: none"},
		{Source{URL: origin.Dir, Branch: "x or all()"}, "allow"},
		{Source{URL: origin.Dir, Revision: "v9"}, "no tag or commit v9"},
		{Source{URL: origin.Dir, Revision: strings.Repeat("1", 40)}, "is not there"},
		{Source{URL: empty.Dir}, "empty"},
		{Source{URL: bundle}, "bundle"},
		{Source{URL: "http://127.0.0.1:1/x"}, "refused"},
		{Source{URL: "ssh://-oProxyCommand=x/p"}, "begins with -"},
		{Source{URL: "git://h/p"}, "not allowed"},
	} {
		tt.s.VCS = "hg"
		dir := filepath.Join(t.TempDir(), "src")
		_, err := Fetch(t.Context(), dir, tt.s, t.Output())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.s, err, tt.want)
		}
		if left, _ := filepath.Glob(dir + "*"); len(left) > 0 {
			t.Errorf("%+v: %q are left", tt.s, left)
		}
	}
}

// What an agent's user has configured, and what the repository would run, does not count.
func TestMercurialHooks(t *testing.T) {
	origin := hgtest.New(t)
	origin.Commit("one", map[string]string{"a": "1"})
	home := t.TempDir()
	mark := filepath.Join(home, "ran")
	os.WriteFile(filepath.Join(home, ".hgrc"), []byte("[hooks]\nupdate = touch "+mark+"\n"), 0o600)
	t.Setenv("HOME", home)
	t.Setenv("HGPLAINEXCEPT", "alias")
	fetchHg(t, Source{URL: origin.Dir})
	if _, err := os.Stat(mark); err == nil {
		t.Error("a hook ran")
	}
}

func TestSubrepositories(t *testing.T) {
	inner, lib := hgtest.New(t), hgtest.New(t)
	in := inner.Commit("one", map[string]string{"in": "1"})
	lib.Hg("clone", "-q", inner.Dir, "deep/inner")
	lib.Commit("one", map[string]string{".hgsub": "deep/inner = " + inner.Dir + "\n", "lib": "1"})
	pinned := lib.Head()
	lib.Commit("two", map[string]string{"lib": "2"})
	shop := hgtest.New(t)
	shop.Hg("clone", "-q", "-u", pinned, lib.Dir, "vendor/lib")
	shop.Commit("one", map[string]string{".hgsub": "# ours\nvendor/lib = ../" + filepath.Base(lib.Dir) + "\n"})
	// What relative URLs are relative to need not be beside it in a test's directories.
	shop.Commit("two", map[string]string{".hgsub": "vendor/lib = " + lib.Dir + "\n"})

	r, repo := fetchHg(t, Source{URL: shop.Dir})
	want := []Submodule{{Path: "vendor/lib", URL: lib.Dir, Revision: pinned}, {Path: "vendor/lib/deep/inner", URL: inner.Dir, Revision: in}}
	if !slices.Equal(r.Submodules, want) {
		t.Errorf("got %+v\nwant %+v", r.Submodules, want)
	}
	for name, want := range map[string]string{"vendor/lib/lib": "1", "vendor/lib/deep/inner/in": "1"} {
		if data, _ := os.ReadFile(filepath.Join(repo.Dir, name)); string(data) != want {
			t.Errorf("%s holds %q", name, data)
		}
	}

	// From elsewhere it must not reach into this machine.
	dir := filepath.Join(t.TempDir(), "src")
	if _, err := Fetch(t.Context(), dir, Source{VCS: "hg", URL: shop.Serve()}, t.Output()); err == nil || !strings.Contains(err.Error(), "path of this machine") {
		t.Errorf("got %v", err)
	}
}

func TestParseSubrepos(t *testing.T) {
	node := strings.Repeat("1", 40)
	for _, tt := range []struct{ text, state, want string }{
		{"a = ../a\n", node + " a\n", ""},
		{"a = [git]https://h/a\n", node + " a\n", "only subrepositories of Mercurial"},
		{"a = [svn]https://h/a\n", node + " a\n", "only subrepositories of Mercurial"},
		{"a = ../a\n", "", "not pinned"},
		{"../a = ../a\n", node + " ../a\n", "does not stay inside"},
		{"/a = ../a\n", node + " /a\n", "does not stay inside"},
		{"x/.HG/a = ../a\n", node + " x/.HG/a\n", "leads into .hg"},
		{"a\n", "", "not a path and a URL"},
		{"[subpaths]\na = b\n", "", "not supported"},
	} {
		subs, err := parseSubrepos([]byte(tt.text), []byte(tt.state))
		if tt.want == "" && (err != nil || len(subs) != 1 || subs[0] != (subrepo{"a", "../a", node})) {
			t.Errorf("%q: %+v, %v", tt.text, subs, err)
		}
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.want)
		}
	}
	for _, tt := range []struct{ parent, url, want string }{
		{"https://h/a/shop", "../lib", "https://h/a/lib"},
		{"https://h/a/shop", "lib", "https://h/a/shop/lib"},
		{"ssh://h/shop", "../../../lib", "ssh://h/lib"},
		{"/srv/shop", "../lib", "/srv/lib"},
		{"file:///srv/shop", "../lib", "file:///srv/lib"},
		{"https://h/a", "https://other/lib", "https://other/lib"},
		{"https://h/a", "/srv/lib", ""},
		{"https://h/a", "file:///srv/lib", ""},
		{"https://h/a", "ssh://-oProxyCommand=x/p", ""},
	} {
		if got, err := subrepoURL(tt.parent, tt.url); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("subrepoURL(%q, %q) = %q, %v, want %q", tt.parent, tt.url, got, err, tt.want)
		}
	}
}

func FuzzSubrepos(f *testing.F) {
	f.Add("a = ../a\n", strings.Repeat("1", 40)+" a\n", "https://h/p")
	f.Fuzz(func(t *testing.T, text, state, parent string) {
		subs, _ := parseSubrepos([]byte(text), []byte(state))
		for _, s := range subs {
			if !filepath.IsLocal(s.path) || !isFullID(s.revision) {
				t.Errorf("%+v", s)
			}
			if url, err := subrepoURL(parent, s.url); err == nil && strings.HasPrefix(url, "-") {
				t.Errorf("%q", url)
			}
		}
	})
}
