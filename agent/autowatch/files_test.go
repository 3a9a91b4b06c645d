package autowatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/autowatch/detect"
	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/manifests"
)

// lines is a detector of files "deps": "URL NAME" in each line. Some words make it misbehave.
func lines() detect.Detector {
	return detect.Detector{
		Name: "lines",
		Wants: func(path string) bool {
			if strings.HasSuffix(path, "explode") {
				panic("wants")
			}
			return strings.HasSuffix(path, "deps")
		},
		Find: func(f detect.File) (all []detect.Mention, err error) {
			for i, line := range strings.Split(string(f.Text), "\n") {
				url, name, _ := strings.Cut(line, " ")
				switch url {
				case "":
				case "panic":
					panic("find\nit")
				case "error":
					err = errors.Join(fmt.Errorf("%s: line %d: not\x1bunderstood", f.Path, i+1), errors.New("nor this"))
				case "read":
					text, readErr := f.Read(name)
					err = readErr
					all = append(all, detect.Mention{VCS: "git", URL: string(text), File: f.Path, Line: i + 1})
				default:
					m := detect.Mention{VCS: "git", URL: url, Name: name, File: f.Path, Line: i + 1}
					if name == "." {
						m.Kind = detect.Branch
					}
					all = append(all, m)
				}
			}
			return all, err
		},
	}
}

// search finds with one detector and what it is given of remotes; nil is not asked.
func search(t *testing.T, ws string, opts Options, refs Refs) (found []string, warnings []string) {
	t.Helper()
	f, err := find(t.Context(), ws, opts, []detect.Detector{lines()})
	if err != nil {
		t.Fatal(err)
	}
	var answers *Answers
	if refs != nil {
		answers = &Answers{}
		answers.Ask(t.Context(), refs, f.Remotes())
	}
	watches, more := f.Watches(answers)
	for _, w := range watches {
		found = append(found, w.URL+" "+w.Ref+" "+w.From)
	}
	return found, append(f.Warnings, more...)
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	gittest.Open(t, dir).Write(files)
}

// remotes answers by URL.
type remotes map[string]*answer

func (r remotes) Refs(_ context.Context, _, url string) (map[string]string, string, error) {
	a := r[url]
	if a == nil {
		return nil, "", errors.New("there is no " + url)
	}
	return a.refs, a.head, a.err
}

func TestFiles(t *testing.T) {
	ws := t.TempDir()
	write(t, ws, map[string]string{
		"deps":                "https://h/b next\nhttps://h/a main\nhttps://u:hunter2@h/p main\n",
		"z/deps":              "https://h/a main\nhttps://H/a.git main\n/srv/x main\next::sh main\n",
		"node_modules/deps":   "https://h/not main\n",
		"src/testdata/deps":   "https://h/not main\n",
		"vendor/a/deps":       "https://h/not main\n",
		"y/explode":           "",
		"panic/deps":          "panic",
		"error/deps":          "https://h/e main\nerror\nhttps://h/f main\n",
		"read/deps":           "read ../read/other",
		"read/other":          "https://h/read",
		"readout/deps":        "read ../../../../etc/passwd",
		"readlink/deps":       "read ../link-deps",
		"large/deps":          strings.Repeat("x", maxFile+1),
		"utf8\u202e\x01/deps": "https://h/g main\n",
	})
	os.Symlink(filepath.Join(ws, "deps"), filepath.Join(ws, "link-deps"))
	os.Symlink(filepath.Join(ws, "z"), filepath.Join(ws, "zz"))
	os.Mkdir(filepath.Join(ws, "dir-deps"), 0o700)
	at := remotes{}
	for _, name := range []string{"a", "b", "e", "f", "g", "p", "read"} {
		at["https://h/"+name] = remote()
	}
	found, warnings := search(t, ws, Options{}, at)
	want := []string{
		"https://h/a refs/heads/main deps:2", "https://h/b refs/heads/next deps:1", "https://h/e refs/heads/main error/deps:1",
		"https://h/f refs/heads/main error/deps:3", "https://h/g refs/heads/main utf8??/deps:1", "https://h/p refs/heads/main deps:3",
		"https://h/read HEAD read/deps:1",
	}
	if !slices.Equal(found, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
	text := strings.Join(warnings, "\n")
	for _, want := range []string{
		`"y/explode": the detector for lines failed (wants)`, `"panic/deps": the detector for lines failed (find it): what is named there is not watched; declare it in $WRIGHT_WATCH_FILE`,
		`error/deps: line 2: not?understood: what is meant there`, "error/deps: nor this: what", `leads out of the workspace`, "readlink/deps: it is no regular file: what", `"large/deps": it is larger than 1024 KiB`,
		"deps:3: the login in the URL of its remote was left out", "z/deps:3: its remote is a path of this machine", "z/deps:4: its remote cannot be watched",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no warning %q in\n%s", want, text)
		}
	}
	if len(warnings) != 12 || strings.Contains(text, "hunter2") {
		t.Errorf("%d warnings:\n%s", len(warnings), text)
	}
}

// A read is what the build may not fail for, whatever is in the way.
func TestFileBounds(t *testing.T) {
	ws := t.TempDir()
	for i := range 70 {
		write(t, ws, map[string]string{fmt.Sprintf("%02d/deps", i): fmt.Sprintf("https://h/%02d HEAD\n %s", i, strings.Repeat("x", maxFile-40))})
	}
	found, warnings := search(t, ws, Options{}, nil)
	if len(found) != 64 || len(warnings) != 6 || !strings.Contains(warnings[0], "larger than 64 MiB") {
		t.Errorf("%d found, %d warnings: %.500q", len(found), len(warnings), warnings)
	}
}

// Programs write locks, which are large in large projects.
func TestLargeLock(t *testing.T) {
	ws := t.TempDir()
	write(t, ws, map[string]string{"lock.deps": "https://h/x HEAD\n " + strings.Repeat("x", maxFile), "more.lock.deps": strings.Repeat("x", maxLock+1)})
	found, warnings := search(t, ws, Options{}, nil)
	if len(found) != 1 || len(warnings) != 1 || !strings.Contains(warnings[0], "more.lock.deps") {
		t.Errorf("%q found, warnings %.500q", found, warnings)
	}
}

// URLs may be relative to the remote of the work tree that the file is in.
func TestRelativeMentions(t *testing.T) {
	ws := gittest.New(t)
	ws.Git("remote", "add", "origin", "https://h/group/shop.git")
	lib := gittest.Open(t, filepath.Join(ws.Dir, "lib"))
	ws.Git("init", "-q", "-b", "stable", "lib")
	lib.Git("remote", "add", "origin", "git@g:team/lib.git")
	write(t, ws.Dir, map[string]string{
		"a/deps": "../theme HEAD\n^/other/x HEAD\nhttps://h/z .\n", "lib/deps": "../theme HEAD\n^/other/x HEAD\nhttps://h/y .\n",
	})
	found, _ := search(t, ws.Dir, Options{}, nil)
	want := []string{
		"git@g:other/x HEAD lib/deps:2", "git@g:team/theme HEAD lib/deps:1", "https://h/group/theme HEAD a/deps:1", "https://h/other/x HEAD a/deps:2",
		"https://h/y refs/heads/stable lib/deps:3", "https://h/z refs/heads/main a/deps:3",
	}
	if slices.Sort(found); !slices.Equal(found, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
	alone := t.TempDir()
	write(t, alone, map[string]string{"deps": "../theme HEAD\n^/x HEAD\n"})
	if found, warnings := search(t, alone, Options{Local: true}, nil); len(found) != 0 || len(warnings) != 2 {
		t.Errorf("without a remote: %q, %q", found, warnings)
	}
}

// The branch here is also known where HEAD is detached at it.
func TestMentionOfBranchWhenDetached(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", map[string]string{"deps": "https://h/z .\n"})
	ws := filepath.Join(t.TempDir(), "ws")
	origin.Git("clone", "-q", origin.Dir, ws)
	gittest.Open(t, ws).Git("checkout", "-q", "--detach")
	if found, _ := search(t, ws, Options{}, nil); !slices.Equal(found, []string{"https://h/z refs/heads/main deps:1"}) {
		t.Errorf("%q", found)
	}
}

func TestAbsolute(t *testing.T) {
	for _, tt := range []struct{ base, url, host, want string }{
		{"https://github.com/a/b", "^/c/d", "https://git.example.test", "https://git.example.test/c/d"},
		{"git@git.example.test:a/b", "^/c/d", "https://git.example.test", "git@git.example.test:c/d"},
		{"", "^/c/d", "https://git.example.test", "https://git.example.test/c/d"},
		{"git@git.example.test:a/b", "^/c/d", "", "git@git.example.test:c/d"},
		{"https://h/a/b", "../c", "main", "https://h/a/c"},
	} {
		if got, err := absolute(tt.base, detect.Mention{URL: tt.url, Instead: tt.host}); got != tt.want || err != nil {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
}

func TestRelativeTo(t *testing.T) {
	for _, tt := range []struct{ base, url, want string }{
		{"https://h:8/a/b", "^/c/d", "https://h:8/c/d"}, {"ssh://git@h/a", "^/c", "ssh://git@h/c"}, {"git@h:a/b", "^/c/d", "git@h:c/d"},
		{"/srv/a", "^/c", ""}, {"file:///srv/a", "^/c", "file:///c"}, {"", "^/c", ""}, {"", "../c", ""}, {"", "https://h/c", "https://h/c"},
		{"https://github.com/a/b", "^/c", ""}, {"git@github.com:a/b", "^/c", ""}, {"git@github.com:a/b", "../c", "git@github.com:a/c"},
		{"https://h/a/b", "../c", "https://h/a/c"}, {"https://h/a/b", "./c", "https://h/a/b/c"},
	} {
		if got, err := relativeTo(tt.base, tt.url); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
}

// What a work tree is at counts before what its remote says by now.
func TestMentionOfAWorkTree(t *testing.T) {
	origin := gittest.New(t)
	used := origin.Commit("one", nil)
	ws := gittest.New(t)
	ws.Git("clone", "-q", origin.URL(), "b/c")
	moved := origin.Commit("two", nil)
	write(t, ws.Dir, map[string]string{"a/deps": origin.Dir + " main\n"})
	f, err := find(t.Context(), ws.Dir, Options{Local: true}, []detect.Detector{lines()})
	if err != nil {
		t.Fatal(err)
	}
	var answers Answers
	answers.Ask(t.Context(), remotes{origin.URL(): {refs: map[string]string{"refs/heads/main": moved}}}, f.Remotes())
	got, warnings := f.Watches(&answers)
	quiet(t, warnings)
	if len(got) != 1 || got[0].Revision != used || got[0].URL != origin.URL() || got[0].From != "a/deps:1" {
		t.Errorf("got %+v", got)
	}
}

func TestPlace(t *testing.T) {
	for _, tt := range []struct {
		file string
		line int
		want string
	}{
		{"a/b", 3, "a/b:3"}, {".git", 0, ".git"}, {"a\nb\u202e\xff", 1, "a?b??:1"},
	} {
		if got := place(tt.file, tt.line); got != tt.want {
			t.Errorf("place(%q, %d) = %q", tt.file, tt.line, got)
		}
	}
	if got := place(strings.Repeat("ü", 400), 123456789); len(got) > manifests.MaxFrom || !strings.HasPrefix(got, "...ü") || !strings.HasSuffix(got, "ü:123456789") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// The modules that a Puppetfile has put beside the project's own are other people's.
func TestModulesOfPuppet(t *testing.T) {
	ws := t.TempDir()
	write(t, ws, map[string]string{
		"Puppetfile":                "moduledir 'their/modules'\nmod 'puppetlabs-stdlib', '9.1.0'\nmod '../../up', '1'\n",
		"their/modules/stdlib/deps": "https://h/not main\n", "their/modules/own/deps": "https://h/own main\n", "modules/stdlib/deps": "https://h/own main\n",
		"sub/Puppetfile": "mod 'stdlib'\n", "sub/modules/stdlib/x/deps": "https://h/not main\n",
	})
	found, _ := search(t, ws, Options{}, remotes{"https://h/own": remote(), "https://h/not": remote()})
	if !slices.Equal(found, []string{"https://h/own refs/heads/main modules/stdlib/deps:1"}) {
		t.Errorf("%q", found)
	}
}

// Pipelines run where they are at the top of a work tree.
func TestForeignPipelines(t *testing.T) {
	ws := gittest.New(t)
	inner := gittest.New(t)
	if err := os.Rename(inner.Dir, filepath.Join(ws.Dir, "inner")); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, dir := range []string{"", "inner/", "copy/", "copy/deep/"} {
		files[dir+".github/workflows/x.yml"] = "jobs: {a: {steps: [{uses: 'o/" + strings.Trim(strings.ReplaceAll("r"+dir, "/", "-"), "-") + "@main'}]}}\n"
	}
	files["copy/.travis.yml"] = "script: git clone https://github.com/o/no\n"
	write(t, ws.Dir, files)
	watches, _ := asked(t, ws.Dir, Options{}, unreachable{})
	same(t, slices.DeleteFunc(watches, func(w manifests.Watch) bool { return !strings.Contains(w.From, ".yml") }),
		watch("https://github.com/o/r", "main", ""), watch("https://github.com/o/rinner", "main", ""))
}

// A checkout of the repository that the file itself is of is at the branch here.
func TestOwnCheckout(t *testing.T) {
	ws := gittest.New(t)
	ws.Git("remote", "add", "origin", "git@github.com:team/shop.git")
	write(t, ws.Dir, map[string]string{".github/workflows/x.yml": `jobs:
  x:
    steps:
    - uses: actions/checkout@v4
      with: {repository: team/shop}
    - uses: actions/checkout@v4
      with: {repository: team/shop, ref: other}
    - uses: actions/checkout@v4
      with: {repository: team/data}
`})
	found, err := Find(t.Context(), ws.Dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var answers Answers
	watches, _ := found.Watches(&answers)
	same(t, slices.DeleteFunc(watches, func(w manifests.Watch) bool { return !strings.HasPrefix(w.From, ".github") }),
		manifests.Watch{VCS: "git", URL: "https://github.com/team/data", Ref: "HEAD"})
}
