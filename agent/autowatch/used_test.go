package autowatch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
)

// noted is a record of git that cloned these addresses, each with a name or none,
// into directories below dir.
func noted(t *testing.T, dir string, clones ...string) string {
	t.Helper()
	var b strings.Builder
	for i, c := range clones {
		url, name, _ := strings.Cut(c, " ")
		fmt.Fprintf(&b, `{"event":"start","sid":"%d","argv":["git","clone","--branch=%s","%s"]}`+"\n", i, name, url)
		fmt.Fprintf(&b, `{"event":"def_repo","sid":"%d","repo":1,"worktree":"%s/%d"}`+"\n", i, dir, i)
		fmt.Fprintf(&b, `{"event":"exit","sid":"%d","code":0}`+"\n", i)
	}
	file := filepath.Join(t.TempDir(), "record")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestUsed: what git noted of clones that are gone counts as what a file names
// does, unless a file names it, too.
func TestUsed(t *testing.T) {
	ws := t.TempDir()
	gittest.Open(t, ws).Write(map[string]string{"requirements.txt": "x @ git+https://h/named@dev\n"})
	remotes := recorded{}
	for _, repo := range []string{"named", "lib", "gone", "own", "secret"} {
		remotes["any://h/"+repo] = map[string]string{"HEAD": c1, "refs/heads/dev": c2, "refs/tags/v1": c1}
	}
	file := noted(t, "/tmp/x", "https://h/named dev", "https://h/lib dev", "https://h/lib", "https://h/gone v1", "https://h/gone "+c1, "https://h/gone nothing",
		"https://ann:hush@h/secret", "/cache", "../cache", "file:///cache", "ext::sh -c x", "https://h/x\\u0000y")
	watches, warnings := asked(t, ws, Options{Record: file}, remotes)
	var got []string
	for _, w := range watches {
		got = append(got, w.URL+" "+w.Ref+" "+w.Revision+" "+w.From)
	}
	want := []string{
		"https://h/lib HEAD " + c1 + " git in a step", "https://h/lib refs/heads/dev " + c2 + " git in a step",
		"https://h/named refs/heads/dev " + c2 + " requirements.txt:1", "https://h/secret HEAD " + c1 + " git in a step",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	all := strings.Join(warnings, "\n")
	for _, said := range []string{"has no branch or tag nothing", "the login in the URL", "cannot be watched"} {
		if !strings.Contains(all, said) {
			t.Errorf("no warning says %q: %q", said, warnings)
		}
	}
	if strings.Contains(all, "hush") {
		t.Errorf("a warning tells a password: %q", warnings)
	}
}

// TestUsedInTheWorkspace: a work tree that is still there tells by itself what it
// is at, and the workspace fetches from its own remote for many reasons.
func TestUsedInTheWorkspace(t *testing.T) {
	ws, r := t.TempDir(), gittest.New(t)
	r.Commit("one", nil)
	r.Git("clone", "-q", r.URL(), ws)
	r.Git("clone", "-q", r.URL(), ws+"/0")
	for dir, address := range map[string]string{ws: "https://h/shop", ws + "/0": "https://h/lib"} {
		gittest.Open(t, dir).Git("remote", "set-url", "origin", address)
	}
	remotes := recorded{"any://h/lib": {"refs/heads/dev": c1}, "any://h/shop": {"refs/heads/dev": c1}, "any://h/gone": {"refs/heads/dev": c1}}
	file := noted(t, ws, "https://h/lib dev", "https://h/shop.git dev", "https://h/gone dev")
	watches, warnings := asked(t, ws, Options{Record: file}, remotes)
	same(t, watches, watch("https://h/lib", "main", r.Head()), watch("https://h/shop", "main", r.Head()), watch("https://h/gone", "dev", c1))
	if len(warnings) > 0 {
		t.Error(warnings)
	}
	for _, w := range watches {
		if w.URL == "https://h/gone" && w.From != "git in 2" {
			t.Errorf("it was found through %q", w.From)
		}
	}
}

// TestRecordIsNoFile: what a build may put in the place of the record.
func TestRecordIsNoFile(t *testing.T) {
	good := noted(t, "/w", "https://h/lib")
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	for name, warned := range map[string]bool{dir: true, pipe: true, link: true, filepath.Join(dir, "none"): false} {
		watches, warnings := asked(t, t.TempDir(), Options{Record: name}, recorded{"any://h/lib": {"HEAD": c1}})
		if len(watches) > 0 || (len(warnings) > 0) != warned {
			t.Errorf("%s: got %v and %q", filepath.Base(name), watches, warnings)
		}
	}
}
