package gitfile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestResolveURL(t *testing.T) {
	tests := []struct{ base, url, want string }{
		{"https://h/a/shop.git", "../theme.git", "https://h/a/theme.git"},
		{"https://h/a/shop.git/", "../theme.git/", "https://h/a/theme.git"},
		{"https://h/a/shop.git", "../../b/theme.git", "https://h/b/theme.git"},
		{"https://h/a/shop.git", "./theme.git", "https://h/a/shop.git/theme.git"},
		{"https://h/a/shop.git", ".././../x", "https://h/x"},
		{"https://h/a", "../../x", ""},
		{"https://h/a", "../../../../x", ""},
		{"file:///a", "../../x", ""},
		{"git@h:shop.git", "../theme.git", "git@h:theme.git"},
		{"git@h:a/shop.git", "../theme.git", "git@h:a/theme.git"},
		{"/srv/git/shop", "../theme", "/srv/git/theme"},
		{"file:///srv/shop", "../theme", "file:///srv/theme"},
		{"https://h/a", "https://other/x", "https://other/x"},
		{"https://h/a", "/srv/x", "/srv/x"},
		{"https://h/a", "..", "https://h"},
		{"https://h/a", ".", "https://h/a"},
	}
	for _, tt := range tests {
		got, err := ResolveURL(tt.base, tt.url)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("ResolveURL(%q, %q) = %q, %v; want %q", tt.base, tt.url, got, err, tt.want)
		}
	}
}

func TestParseModules(t *testing.T) {
	tests := []struct {
		name, text string
		want       []Module
		errs       string
	}{
		{"good", "[submodule \"t\"]\n\tpath = themes/t\n\turl = ../t.git\n\tbranch = live\n",
			[]Module{{"t", "themes/t", "../t.git", "live"}}, ""},
		{"name with dots", "[submodule \"../../x\"]\npath=a\nurl=b\n", nil, "name leads out"},
		{"absolute path", "[submodule \"x\"]\npath=/etc\nurl=b\n", nil, "does not stay inside"},
		{"path with dots", "[submodule \"x\"]\npath=a/../../b\nurl=b\n", nil, "does not stay inside"},
		{"no path", "[submodule \"x\"]\nurl=b\n", nil, "does not stay inside"},
		{"into git", "[submodule \"x\"]\npath=a/.GIT/hooks\nurl=b\n", nil, "leads into .git"},
		{"no url", "[submodule \"x\"]\npath=a\n", nil, "no url"},
		{"one bad", "[submodule \"x\"]\npath=/a\nurl=b\n[submodule \"y\"]\npath=y\nurl=b\n",
			[]Module{{"y", "y", "b", ""}}, "does not stay inside"},
		{"rubbish", "]]]]", nil, ".gitmodules"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, errs := ParseModules([]byte(tt.text))
			if len(got) != len(tt.want) || len(got) > 0 && got[0] != tt.want[0] {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if tt.errs == "" != (len(errs) == 0) || len(errs) > 0 && !strings.Contains(errs[0].Error(), tt.errs) {
				t.Errorf("errors %v, want %q", errs, tt.errs)
			}
		})
	}
}

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig([]byte("[core]\n\tworktree = ../../x\n[remote \"origin\"]\n\turl = https://h/a\n\turl = https://h/b\n" +
		"[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/live\n[include]\n\tpath = /etc/passwd\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Remotes["origin"] != "https://h/a" || c.Branches["main"] != (Branch{"origin", "refs/heads/live"}) || c.Worktree != "../../x" {
		t.Errorf("got %+v", c)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe, large := filepath.Join(dir, "f"), filepath.Join(dir, "l"), filepath.Join(dir, "p"), filepath.Join(dir, "big")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, make([]byte, MaxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(file); err != nil || string(data) != "x" {
		t.Errorf("got %q, %v", data, err)
	}
	for _, name := range []string{link, pipe, large, dir, filepath.Join(dir, "none")} {
		if _, err := Read(name); err == nil {
			t.Errorf("%s was read", filepath.Base(name))
		}
	}
}

// Text made to take the parser long is refused or done with soon.
func TestParseIsQuick(t *testing.T) {
	texts := map[string]string{}
	for name, unit := range map[string]string{
		"sections": "[a \"%d\"]\nk=v\n", "one section": "[a]\nk=v\n", "brackets": "[", "keys": "k%d=v\n", "quotes": "\"", "backslashes": "\\\n",
		"comments": "#%d\n", "lines": "\n",
	} {
		var b strings.Builder
		if name == "keys" || name == "quotes" || name == "backslashes" {
			b.WriteString("[submodule \"x\"]\nurl=")
		}
		for i := 0; b.Len() < maxText-100 && i < 2*maxText/len(unit); i++ {
			b.WriteString(strings.ReplaceAll(unit, "%d", strconv.Itoa(i)))
			if strings.HasPrefix(unit, "[a") && i == maxSections-1 {
				break
			}
		}
		texts[name] = b.String()
	}
	for name, text := range texts {
		started := time.Now()
		ParseModules([]byte(text))
		if d := time.Since(started); d > 20*time.Second {
			t.Errorf("%s: %v for %d bytes", name, d, len(text))
		} else {
			t.Logf("%s: %v for %d bytes", name, d, len(text))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("[submodule \"t\"]\n\tpath = themes/t\n\turl = ../t.git\n\tbranch = live\n"))
	f.Add([]byte("[remote \"origin\"]\n\turl = https://h/a\n[branch \"main\"]\n\tremote = origin\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		modules, _ := ParseModules(text)
		for _, m := range modules {
			if full := filepath.Join("/top", m.Path); !strings.HasPrefix(full, "/top/") {
				t.Errorf("path %q leaves the work tree", m.Path)
			}
		}
		ParseConfig(text)
	})
}

func FuzzResolveURL(f *testing.F) {
	f.Add("https://h/a/shop.git", "../theme.git")
	f.Fuzz(func(t *testing.T, base, url string) {
		got, err := ResolveURL(base, url)
		if err == nil && strings.HasPrefix(base, "https://host/") && IsRelative(url) && !strings.HasPrefix(got, "https://host") {
			t.Errorf("ResolveURL(%q, %q) = %q leaves the host", base, url, got)
		}
	})
}
