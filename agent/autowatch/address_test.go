package autowatch

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/autowatch/detect"
	"github.com/wright-build/wright/manifests"
)

func TestReadDeclared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "declared.toml")
	if w, warnings, err := ReadDeclared(path, true); w != nil || warnings != nil || err != nil {
		t.Errorf("missing file: %v %v %v", w, warnings, err)
	}
	text := "[[watch]]\ngit = \"https://example.test/a\"\nbranch = \"main\"\n[[watch]]\ngit = \"/srv/b\"\nbranch = \"main\"\n"
	os.WriteFile(path, []byte(text), 0o600)
	if w, warnings, err := ReadDeclared(path, true); len(w) != 2 || len(warnings) != 0 || err != nil {
		t.Errorf("got %v %v %v", w, warnings, err)
	}
	w, warnings, err := ReadDeclared(path, false)
	if len(w) != 1 || len(warnings) != 1 || !strings.Contains(warnings[0], "line 4") || err != nil {
		t.Errorf("got %v %v %v", w, warnings, err)
	}
	os.WriteFile(path, []byte(text+"[[watch]]\ngit = \"ext::sh\"\n"), 0o600)
	if w, _, err := ReadDeclared(path, true); err == nil || len(w) > 0 {
		t.Errorf("bogus: %v %v", w, err)
	}
}

func TestMerge(t *testing.T) {
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	b := watch("https://example.test/b", "main", "")
	a := watch("https://example.test/a", "main", one)
	got := Merge([]manifests.Watch{b, a}, []manifests.Watch{watch("https://example.test/a.git/", "main", two), watch(b.URL, "main", two)})
	if len(got) != 2 || got[0] != a || got[1].Revision != two {
		t.Errorf("got %+v", got)
	}
}

// Forges find a repository whatever the case of its name is.
func TestMergeOfOneNameInAnotherCase(t *testing.T) {
	a, other := watch("https://github.com/Acme/a", "main", ""), watch("git@GitHub.com:acme/A.git", "main", "")
	branch := watch("https://github.com/acme/a", "Main", "")
	b, c := watch("https://git.example.test/B", "main", ""), watch("https://git.example.test/b", "main", "")
	lab, same := watch("https://gitlab.example.test/Team/a", "main", ""), watch("https://gitlab.example.test/team/A", "main", "")
	if got := Merge([]manifests.Watch{a, other, branch, b, c, lab, same}); len(got) != 5 || !slices.Contains(got, a) {
		t.Errorf("got %+v", got)
	}
}

func TestStripLogin(t *testing.T) {
	tests := []struct {
		url, want string
		stripped  bool
	}{
		{"https://h/a", "https://h/a", false},
		{"https://ann:pw@h/a", "https://h/a", true},
		{"HTTPS://token@h/a", "HTTPS://h/a", true},
		{"https://a@b:c@h/a", "https://h/a", true},
		{"https://h/a@b", "https://h/a@b", false},
		{"https://ann:pw@h", "https://h", true},
		{"ssh://git@h/a", "ssh://git@h/a", false},
		{"ssh://git:pw@h/a", "ssh://git@h/a", true},
		{"git@h:a", "git@h:a", false},
		{"/srv/a", "/srv/a", false},
	}
	for _, tt := range tests {
		if got, stripped := stripLogin(tt.url); got != tt.want || stripped != tt.stripped {
			t.Errorf("stripLogin(%q) = %q, %v", tt.url, got, stripped)
		}
	}
}

func TestOneSlash(t *testing.T) {
	for url, want := range map[string]string{
		"https://h/a//b": "https://h/a/b", "HTTPS://h//a///b//": "HTTPS://h/a/b/", "https://h/a/b": "https://h/a/b", "https://h": "https://h", "https://h//": "https://h//",
		"ssh://h//abs/a": "ssh://h//abs/a", "file:///a//b": "file:///a//b", "git@h:a//b": "git@h:a//b", "/srv//a": "/srv//a",
	} {
		if got := oneSlash(url); got != want {
			t.Errorf("oneSlash(%q) = %q, want %q", url, got, want)
		}
	}
}

func FuzzStripLogin(f *testing.F) {
	f.Add("https://ann:pw@h/a")
	f.Fuzz(func(t *testing.T, raw string) {
		clean, _ := stripLogin(raw)
		if manifests.CheckURL("git", clean) != nil {
			return // will not be written
		}
		if !strings.Contains(clean, "://") || clean[0] == '/' {
			return // a path or user@host:path
		}
		u, err := url.Parse(clean)
		if err != nil || u.User == nil {
			return
		}
		if _, has := u.User.Password(); has || strings.HasPrefix(u.Scheme, "http") {
			t.Errorf("%q leaves a login in %q", raw, clean)
		}
	})
}

// Whatever the files of a work tree hold, Find neither fails nor gives a watch
// that a watch file may not have.
func FuzzWorkTree(f *testing.F) {
	commit := strings.Repeat("1", 40)
	f.Add("ref: refs/heads/main\n", "[remote \"origin\"]\nurl = https://h/a\n[branch \"main\"]\nremote = origin\nmerge = refs/heads/main\n",
		commit+" refs/heads/main\n"+commit+" refs/remotes/origin/main\n", "[submodule \"x\"]\npath = x\nurl = ../x\nbranch = .\n")
	f.Add(commit, "[remote \"x\"]\nurl = ../a\n", "", "")
	f.Fuzz(func(t *testing.T, head, config, packed, modules string) {
		ws := t.TempDir()
		for _, dir := range []string{"", "x"} {
			git := filepath.Join(ws, dir, ".git")
			os.MkdirAll(git, 0o755)
			for name, text := range map[string]string{"HEAD": head, "config": config, "packed-refs": packed, "../.gitmodules": modules} {
				os.WriteFile(filepath.Join(git, name), []byte(text), 0o600)
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

func TestAtHome(t *testing.T) {
	for _, tt := range []struct {
		base, want string
		unsure     bool
	}{
		{"https://git.example.test/group/shop", "^/group/ci", false}, // its own
		{"git@github.com:group/shop.git", "https://gitlab.com/group/ci", true},
		{"", "https://gitlab.com/group/ci", true},
	} {
		m := atHome(detect.Mention{URL: "^/group/ci", Instead: "https://gitlab.com", Unsure: true}, tt.base)
		if m.URL != tt.want || m.Unsure != tt.unsure {
			t.Errorf("at %q: %+v", tt.base, m)
		}
	}
	for _, m := range []detect.Mention{{URL: "../ci", Unsure: true}, {URL: "^/group/ci", Instead: "https://git.example.test"}} {
		if got := atHome(m, ""); got != m {
			t.Errorf("%+v became %+v", m, got)
		}
	}
}
