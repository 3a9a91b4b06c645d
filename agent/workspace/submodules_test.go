package workspace

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/agent/workspace/gittest"
)

func TestSubmodules(t *testing.T) {
	leaf := gittest.New(t)
	leaf.Commit("one", map[string]string{"leaf": "1"})
	theme := gittest.New(t)
	theme.Commit("one", map[string]string{"css": "1"})
	theme.AddSubmodule(leaf.URL(), "deps/leaf", "main")
	lib := gittest.New(t)
	pinned := lib.Commit("one", map[string]string{"lib": "1"})
	dot := gittest.New(t)
	dot.Commit("one", nil)

	shop := gittest.New(t)
	shop.Commit("one", map[string]string{"index": "1"})
	shop.AddSubmodule("../../"+filepath.Base(filepath.Dir(theme.Dir))+"/"+filepath.Base(theme.Dir), "theme", "main")
	shop.AddSubmodule(lib.URL(), "vendor/lib", "")
	shop.AddSubmodule(dot.URL(), "dot", ".")

	// All move on; only what tracks a branch follows.
	newTheme := theme.Commit("two", map[string]string{"css": "2"})
	newLeaf := leaf.Commit("two", map[string]string{"leaf": "2"})
	newDot := dot.Commit("two", nil)
	lib.Commit("two", map[string]string{"lib": "2"})

	r, repo := fetch(t, Source{URL: shop.URL(), Submodules: true})
	want := map[string]Submodule{
		"theme":           {"theme", theme.URL(), "main", newTheme},
		"theme/deps/leaf": {"theme/deps/leaf", leaf.URL(), "main", newLeaf},
		"vendor/lib":      {"vendor/lib", lib.URL(), "", pinned},
		"dot":             {"dot", dot.URL(), "main", newDot},
	}
	if len(r.Submodules) != len(want) {
		t.Fatalf("got %+v", r.Submodules)
	}
	for _, m := range r.Submodules {
		if m != want[m.Path] {
			t.Errorf("got %+v, want %+v", m, want[m.Path])
		}
		sub := gittest.Open(t, filepath.Join(repo.Dir, m.Path))
		if head := sub.Head(); head != m.Revision {
			t.Errorf("%s is at %s", m.Path, head)
		}
		if head := sub.Git("rev-parse", "--abbrev-ref", "HEAD"); m.Branch == "" != (head == "HEAD") {
			t.Errorf("HEAD of %s is on %s", m.Path, head)
		}
	}
	for line := range strings.Lines(repo.Git("submodule", "status", "--recursive")) {
		if strings.HasPrefix(line, "-") {
			t.Errorf("git does not know the submodule: %s", line)
		}
	}
	repo.Git("submodule", "update", "--init", "--recursive")
	if r.Tool != ToolGoGit {
		t.Errorf("tool %s: %s", r.Tool, r.Why)
	}
	if r, _ := fetch(t, Source{URL: shop.URL()}); len(r.Submodules) > 0 {
		t.Errorf("submodules nobody asked for: %+v", r.Submodules)
	}
}

// gitlink commits a submodule whose .gitmodules git itself would not write.
func gitlink(t *testing.T, path, url, commit string) *gittest.Repo {
	r := gittest.New(t)
	r.Write(map[string]string{".gitmodules": fmt.Sprintf("[submodule \"x\"]\n\tpath = %s\n\turl = %s\n", path, url)})
	r.Git("add", "-A")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+commit+",x")
	r.Git("commit", "-q", "-m", "hostile")
	return r
}

func TestHostileSubmodules(t *testing.T) {
	other := gittest.New(t)
	commit := other.Commit("one", nil)
	tests := []struct{ name, path, url, want string }{
		{"ext", "x", "ext::sh -c 'touch pwned'", ""},
		{"option", "x", "--upload-pack=touch", ""},
		{"password", "x", "https://ann:hunter2@example.test/x", ""},
		{"outside", "../x", other.URL(), "does not stay inside"},
		{"into git", ".git/hooks", other.URL(), "leads into .git"},
		{"above", "x", strings.Repeat("../", 100) + "x", "above"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := gitlink(t, tt.path, tt.url, commit)
			_, err := Fetch(t.Context(), filepath.Join(t.TempDir(), "src"), Source{URL: r.URL(), Submodules: true}, t.Output())
			if err == nil || !strings.Contains(err.Error(), "submodule") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the password is in the error")
			}
		})
	}
	// A remote parent must not make us read this machine.
	r := gitlink(t, "x", other.URL(), commit)
	_, err := Fetch(t.Context(), filepath.Join(t.TempDir(), "src"), Source{URL: r.ServeHTTP(), Submodules: true}, nil)
	if err == nil || !strings.Contains(err.Error(), "path of this machine") {
		t.Errorf("got %v", err)
	}
}

// A repository that holds itself ends.
func TestSubmoduleCycle(t *testing.T) {
	r := gittest.New(t)
	first := r.Commit("one", nil)
	r.Write(map[string]string{".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = " + r.URL() + "\n\tbranch = main\n"})
	r.Git("add", ".gitmodules")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+first+",x")
	r.Git("commit", "-q", "-m", "self")
	got, _ := fetch(t, Source{URL: r.URL(), Submodules: true})
	if len(got.Submodules) != 1 {
		t.Errorf("got %+v", got.Submodules)
	}
}

func TestPrepare(t *testing.T) {
	top := t.TempDir()
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(top, "link")); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(top, "file"), nil, 0o600)
	os.MkdirAll(filepath.Join(top, "full/x"), 0o755)
	tests := []struct {
		path string
		ok   bool
	}{{"a/b", true}, {"link/x", false}, {"link", false}, {"file", false}, {"full", false}, {"../x", false}, {".", false}}
	for _, tt := range tests {
		if err := prepare(top, filepath.Join(top, tt.path)); (err == nil) != tt.ok {
			t.Errorf("prepare(%s): %v", tt.path, err)
		}
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Error("something was made outside")
	}
}

func TestModuleWant(t *testing.T) {
	parent := node{dir: "/w", url: "https://h/a/shop.git", branch: "live"}
	l := link{path: "x", revision: strings.Repeat("1", 40)}
	tests := []struct {
		branch, parentBranch string
		want                 want
	}{
		{"", "live", want{revision: l.revision}},
		{"dev", "live", want{branch: "dev", live: true}},
		{".", "live", want{branch: "live", live: true}},
		{".", "", want{revision: l.revision}},
	}
	for _, tt := range tests {
		parent.branch = tt.parentBranch
		got, err := moduleWant(parent, gitfile.Module{Name: "x", Path: "x", URL: "../t.git", Branch: tt.branch}, l)
		tt.want.dir, tt.want.url = "/w/x", "https://h/a/t.git"
		if err != nil || got != tt.want {
			t.Errorf("%+v: got %+v, %v", tt, got, err)
		}
	}
}
