package workspace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
)

// fetch fetches s into a new directory, which is returned as a repository.
func fetch(t *testing.T, s Source) (*Result, *gittest.Repo) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "src")
	r, err := Fetch(t.Context(), dir, s, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(dir + ".*"); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
	repo := gittest.Open(t, dir)
	if status := repo.Git("status", "--porcelain", "--ignore-submodules"); status != "" {
		t.Errorf("the work tree is not clean:\n%s", status)
	}
	if head := repo.Head(); head != r.Revision {
		t.Errorf("HEAD is %s, the result says %s", head, r.Revision)
	}
	return r, repo
}

func TestRevisions(t *testing.T) {
	origin := gittest.New(t)
	first := origin.Commit("one", map[string]string{"a.txt": "1", "bin/run": "#!/bin/sh\n"})
	origin.Tag("v1.0")
	second := origin.Commit("two", map[string]string{"a.txt": "2"})
	origin.Branch("side")
	side := origin.Commit("side", map[string]string{"a.txt": "side"})
	origin.Branch("main")

	tests := []struct {
		name, branch, revision string
		pinned                 bool
		want, onBranch, text   string
	}{
		{"default branch", "", "", false, second, "main", "2"},
		{"branch", "side", "", false, side, "side", "side"},
		{"older commit of the branch", "main", first, false, first, "main", "1"},
		{"older commit of the default branch", "", first, false, first, "main", "1"},
		{"frozen commit", "main", first, true, first, "", "1"},
		{"tag", "", "v1.0", false, first, "", "1"},
		{"tag, with a branch", "side", "v1.0", false, first, "", "1"},
		{"short", "", side[:8], false, side, "", "side"},
		{"commit of another branch", "main", side, false, side, "main", "side"},
	}
	servers := []struct{ name, url string }{
		{"file", origin.URL()}, {"path", origin.Dir}, {"http", origin.ServeHTTP()}, {"git", origin.Serve()},
	}
	for _, server := range servers {
		for _, tt := range tests {
			t.Run(server.name+"/"+tt.name, func(t *testing.T) {
				r, repo := fetch(t, Source{URL: server.url, Branch: tt.branch, Revision: tt.revision, Pinned: tt.pinned})
				if r.Revision != tt.want || r.Branch != tt.onBranch {
					t.Errorf("got %+v, want %s on %q", r, tt.want, tt.onBranch)
				}
				if data, _ := os.ReadFile(filepath.Join(repo.Dir, "a.txt")); string(data) != tt.text {
					t.Errorf("a.txt holds %q, want %q", data, tt.text)
				}
				head := repo.Git("rev-parse", "--abbrev-ref", "HEAD")
				if tt.onBranch == "" && head != "HEAD" || tt.onBranch != "" && head != tt.onBranch {
					t.Errorf("HEAD is on %s", head)
				}
				if tt.onBranch != "" {
					if up := repo.Git("rev-parse", "--abbrev-ref", "@{upstream}"); up != "origin/"+tt.onBranch {
						t.Errorf("upstream is %s", up)
					}
				}
				if server.name == "git" != (r.Tool == ToolGit) && tt.name != "commit of another branch" {
					t.Errorf("tool %s: %s", r.Tool, r.Why)
				}
			})
		}
	}
}

func TestDetachedRemote(t *testing.T) {
	origin := gittest.New(t)
	first := origin.Commit("one", nil)
	origin.Commit("two", nil)
	origin.Git("checkout", "-q", "--detach", first)
	for _, url := range []string{origin.URL(), origin.Serve()} {
		if r, _ := fetch(t, Source{URL: url}); r.Revision != first || r.Branch != "" {
			t.Errorf("got %+v", r)
		}
	}
}

// A commit that a force-push took out of the branch can still be had while the remote keeps it.
func TestForcePushed(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", nil)
	lost := origin.Commit("two", map[string]string{"a": "lost"})
	origin.Git("reset", "-q", "--hard", "HEAD~1")
	origin.Commit("other", nil)
	r, repo := fetch(t, Source{URL: origin.URL(), Branch: "main", Revision: lost})
	if r.Revision != lost || r.Tool != ToolGit || r.Why == "" {
		t.Errorf("got %+v", r)
	}
	if head := repo.Git("symbolic-ref", "HEAD"); head != "refs/heads/main" {
		t.Errorf("HEAD is %s", head)
	}
}

func TestErrors(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", nil)
	empty := gittest.New(t)
	gone := strings.Repeat("ab", 20)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	tests := []struct {
		name string
		s    Source
		want string
	}{
		{"revision", Source{URL: origin.URL(), Branch: "main", Revision: gone}, "revision " + gone + " is not in branch main"},
		{"branch", Source{URL: origin.URL(), Branch: "nope"}, "no such branch"},
		{"branch over git", Source{URL: origin.Serve(), Branch: "nope"}, "nope not found"},
		{"tag", Source{URL: origin.URL(), Revision: "v9"}, "no tag or commit v9"},
		{"empty", Source{URL: empty.URL()}, "repository is empty"},
		{"not there", Source{URL: "file:///no/such/repository"}, "repository not found"},
		{"nobody answers", Source{URL: "http://" + closed.Addr().String() + "/x"}, "refused"},
		{"ext", Source{URL: "ext::sh -c touch"}, ""},
		{"option", Source{URL: "--upload-pack=x"}, ""},
		{"password", Source{URL: "https://ann:hunter2@example.test/x"}, ""},
		{"bad branch", Source{URL: origin.URL(), Branch: "a..b"}, ""},
		{"option as branch", Source{URL: origin.URL(), Branch: "--upload-pack=x"}, ""},
		{"svn", Source{VCS: "svn", URL: origin.URL()}, "is no version control system"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "src")
			_, err := Fetch(t.Context(), dir, tt.s, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if left, _ := filepath.Glob(dir + "*"); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestDirectory(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", nil)
	dir := t.TempDir() // exists and is empty
	os.MkdirAll(dir+".fetch/.git/junk", 0o755)
	if _, err := Fetch(t.Context(), dir, Source{URL: origin.URL()}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(t.Context(), dir, Source{URL: origin.URL()}, nil); err == nil {
		t.Error("fetched over something")
	}
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		t.Error("a refused fetch removed what was there")
	}
}

// What go-git does not do goes to the git program, and the result says why.
func TestFallback(t *testing.T) {
	sha256 := gittest.New(t, "--object-format=sha256")
	sha256.Commit("one", map[string]string{"a": "1"})
	old := sha256.Head()
	sha256.Commit("two", map[string]string{"a": "2"})
	crlf := gittest.New(t)
	crlf.Commit("one", map[string]string{".gitattributes": "# x\n*.txt eol=crlf\n", "a.txt": "1\n"})
	filter := gittest.New(t)
	filter.Commit("one", map[string]string{"deep/.gitattributes": "*.bin filter=lfs diff=lfs\n", "deep/a.bin": "1\n"})
	tests := []struct {
		name, why string
		s         Source
	}{
		{"sha256", "go-git: ", Source{URL: sha256.URL(), Revision: old}},
		{"eol", "eol=crlf in .gitattributes", Source{URL: crlf.URL()}},
		{"filter", "filter=lfs in deep/.gitattributes", Source{URL: filter.URL()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, repo := fetch(t, tt.s)
			if r.Tool != ToolGit || !strings.Contains(r.Why, tt.why) || r.Branch != "main" {
				t.Errorf("got %+v, want why %q", r, tt.why)
			}
			if tt.name == "eol" {
				if data, _ := os.ReadFile(filepath.Join(repo.Dir, "a.txt")); string(data) != "1\r\n" {
					t.Errorf("a.txt holds %q", data)
				}
			}
		})
	}
}

func TestNoGitProgram(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", nil)
	url := origin.ServeHTTP()
	sub := gittest.New(t)
	sub.Commit("one", map[string]string{".gitattributes": "a eol=crlf\n"})
	subURL := sub.ServeHTTP()
	t.Setenv("PATH", t.TempDir())
	dir := filepath.Join(t.TempDir(), "src")
	if r, err := Fetch(t.Context(), dir, Source{URL: url}, nil); err != nil || r.Tool != ToolGoGit {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := Fetch(t.Context(), dir+"2", Source{URL: subURL}, nil); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("got %v", err)
	}
}

// A remote that accepts and then says nothing is left when the context ends.
func TestCancel(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, scheme := range []string{"http", "git"} {
		t.Run(scheme, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				c, err := l.Accept()
				cancel()
				if err == nil {
					t.Cleanup(func() { c.Close() })
				}
			}()
			dir := filepath.Join(t.TempDir(), "src")
			_, err := Fetch(ctx, dir, Source{URL: scheme + "://" + l.Addr().String() + "/x"}, nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if left, _ := filepath.Glob(dir + "*"); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	var b bytes.Buffer
	n := newNotes(&b)
	io.WriteString(n, "Counting: 5%\rCounting: 100%")
	io.WriteString(n, "\rCounting: 100%, done.\npartial")
	n.printf("a line of %s", "ours")
	io.WriteString(n, strings.Repeat("x", 2*maxNote)+"\n")
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 5 || lines[0] != "Counting: 100%, done." || lines[2] != "a line of ours" || len(lines[3]) != maxNote {
		t.Errorf("got %q", lines)
	}
	for range maxNotes {
		io.WriteString(n, "many\n")
	}
	if b.Len() > maxNotes+100 || !strings.HasSuffix(b.String(), "\n(more is not shown)\n") {
		t.Errorf("%d bytes came through", b.Len())
	}
}
