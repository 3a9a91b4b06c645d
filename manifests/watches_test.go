package manifests

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

const (
	commit  = "0123456789abcdef0123456789abcdef01234567"
	another = "fedcba98765432100123456789abcdef01234567"
)

func TestCheckURL(t *testing.T) {
	good := []string{
		"https://git.example.test/shop.git", "http://127.0.0.1:8080/x", "HTTPS://H/p", "ssh://git@h:2222/p", "ssh://git@[::1]:22/p", "git://h/p",
		"file:///srv/x", "file://localhost/srv/x", "git@h:p", "h:p", "git@h:/srv/p", "[::1]:p", "git@[::1]:p", "/srv/x y", "/srv/../x",
		"https://user@h/p", "ssh://h/~user/p", "https://h/gr%C3%BCn", "https://h/grün",
	}
	for _, url := range good {
		if err := CheckURL("git", url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	bad := []string{
		"", "x", "./x", "../x", "~/x", "ext::sh -c date", "ext::https://h/p", "fd::17", "ext://h/p", "ftp://h/p", "-x", "--upload-pack=x", "https://h/p --upload-pack=x", "-oProxyCommand=x:p",
		"ssh://-oProxyCommand=x/p", "ssh://-u@h/p", "u@-h:p", "-u@h:p", "h:-p", "ssh://h/-p", "https://h/a\nb", "https://h/a\x00b", "https://h/a%0ab", "https://h/a%00b",
		"https://h/a\u202eb", "/srv/\u2066x", "https://h/\xff", "https://h/" + strings.Repeat("a", maxURL), "https://h/a/../b", "https://h/a/%2e%2e/b", "git@h:../p", "https://h/..",
		"https://u:p@h/x", "u:p@h:x", "https://u:@h/x", "https:///p", "https://h", "https://h/", "h:", "https://h/p?x=1", "https://h/p#f", "https://h/p?", "https://h/p#",
		"file:/srv/x", "file:/srv://x", "file://host/x", "file://u@/x", "https:/h/p", "https://h/a b", `https://h/a\b`, "https://h:/p", "https://h:99999999/p", "https://exämple/p", "https://h$(x)/p", "u$(x)@h:p", "[::1]", "a/b:c",
		"https://h:x/p", "ssh://u\u200bx@h/p",
	}
	for _, url := range bad {
		if err := CheckURL("git", url); err == nil {
			t.Errorf("%q is allowed", url)
		}
	}
	for url, want := range map[string]bool{"https://h": true, "http://h:8000/": true, "ssh://u@h//srv/x": true, "git://h/x": false, "git@h:x": false, "ssh://-o/x": false} {
		if err := CheckURL("hg", url); (err == nil) != want {
			t.Errorf("hg: %s: %v", url, err)
		}
	}
	if err := CheckURL("svn", "https://h/p"); err == nil {
		t.Error("svn is allowed")
	}
}

func TestCheckRef(t *testing.T) {
	for _, ref := range []string{"HEAD", "refs/heads/main", "refs/heads/a/b", "refs/tags/v1.0", "refs/changes/1/2", "refs/heads/grün", "refs/heads/@", "refs/heads/a@b"} {
		if err := CheckRef(ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for _, ref := range []string{
		"", "main", "refs/", "refs/heads", "refs/heads/", "refs//main", "/refs/heads/x", "refs/heads/.x", "refs/heads/x.lock", "refs/heads/x.lock/y", "refs/heads/a..b",
		"refs/heads/a b", "refs/heads/a~b", "refs/heads/a^b", "refs/heads/a:b", "refs/heads/a?b", "refs/heads/*", "refs/heads/[a", `refs/heads/a\b`, "refs/heads/a@{b", "refs/heads/a.",
		"refs/heads/a\x7f", "refs/heads/a\n", "refs/heads/a\u202e", "refs/heads/\xff", "-refs/heads/x", "refs/heads/" + strings.Repeat("a", maxRef),
	} {
		if err := CheckRef(ref); err == nil {
			t.Errorf("%q is allowed", ref)
		}
	}
}

func TestCanonicalURL(t *testing.T) {
	same := [][]string{
		{"https://h/a/b", "https://h/a/b.git", "https://h/a/b/", "https://h/a/b.git/", "HTTPS://H:443/a/b", "https://h./a/b"},
		{"git@h:a/b.git", "ssh://git@h/a/b", "ssh://git@H:22/a/b/", "git@h:/a/b", "https://h/a/b", "https://ann@h/a/b"},
		{"http://h/a", "http://h:80/a", "git://h/a", "git://h:9418/a.git"},
		{"/srv/x", "/srv/x/", "file:///srv/x", "file://localhost/srv/x", "/srv//y/../x"},
		{"ssh://[::1]/a", "[::1]:a", "ssh://[::1]:22/a"},
	}
	for _, group := range same {
		for _, url := range group {
			if !SameRemote(group[0], url) {
				t.Errorf("%s is %s, but %s is %s", group[0], CanonicalURL(group[0]), url, CanonicalURL(url))
			}
			if twice := CanonicalURL(CanonicalURL(url)); twice != CanonicalURL(url) {
				t.Errorf("%s becomes %s, then %s", url, CanonicalURL(url), twice)
			}
		}
	}
	different := []string{"https://h/a", "https://h/A", "https://h:444/a", "ssh://h/~/a", "ssh://U@h/~/a", "ssh://u@h/~/a", "/h/a", "/h/a.git", "https://h2/a"}
	seen := make(map[string]string)
	for _, url := range different {
		key := CanonicalURL(url)
		if other, again := seen[key]; again {
			t.Errorf("%s and %s are both %s", other, url, key)
		}
		seen[key] = url
	}
}

func TestIsLocal(t *testing.T) {
	for _, url := range []string{"/srv/x", "file:///x", "FILE:///x", "file:/x", "x", "./x:y", "../x", "~/x", ""} {
		if !IsLocal(url) {
			t.Errorf("%q is not local", url)
		}
	}
	for _, url := range []string{"https://h/p", "git@h:p", "h:p", "ssh://h/p", "[::1]:p"} {
		if IsLocal(url) {
			t.Errorf("%q is local", url)
		}
	}
}

func TestIgnores(t *testing.T) {
	a := AutoWatch{On: true, Ignore: []string{"https://h/vendor/*", "*.example.test/*/x", "git@h:one.git"}}
	for url, want := range map[string]bool{
		"https://h/vendor/a": true, "HTTPS://H:443/vendor/a.git": true, "https://h/own/a": false, "https://a.example.test/b/c/x": true,
		"https://a.example.test/x": false, "ssh://git@h/one": true, "git@h:two": false,
	} {
		if got := a.Ignores(url); got != want {
			t.Errorf("%s: got %v", url, got)
		}
	}
	for pattern, want := range map[string]bool{"a*a": false, "a*": true, "*": true, "a": true, "**": true, "*a*": true, "": false} {
		if got := matches(pattern, "a"); got != want {
			t.Errorf("%q: got %v", pattern, got)
		}
	}
}

func TestWatchesRoundTrip(t *testing.T) {
	in := []Watch{
		{VCS: "git", URL: "https://h/b.git", Ref: "refs/heads/main"},
		{VCS: "git", URL: "https://h/a.git", Ref: "refs/heads/main", Revision: commit},
		{VCS: "git", URL: "https://H/b", Ref: "refs/heads/main", Revision: another},
		{VCS: "git", URL: "git@h:c", Ref: "refs/tags/v1"},
		{VCS: "git", URL: "/srv/\"x\\y", Ref: "HEAD"},
		{VCS: "git", URL: "https://h/d", Ref: "refs/changes/1/2", From: "package.json:12"},
		{VCS: "hg", URL: "https://h/hg", Ref: "refs/bookmarks/@"},
		{VCS: "git", URL: "https://h/e", Ref: "refs/heads/refs/heads/x"},
		{VCS: "git", URL: "https://h/e", Ref: "refs/tags/HEAD"},
	}
	text := FormatWatches(in)
	out, err := ParseWatches("watch.toml", text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if len(out) != len(in)-1 {
		t.Errorf("%d watches became %d:\n%s", len(in), len(out), text)
	}
	revisions := make(map[string]string)
	for _, w := range out {
		revisions[w.Key()] = w.Revision
	}
	for _, w := range in {
		if revision, found := revisions[w.Key()]; !found || w.Revision != "" && revision != w.Revision {
			t.Errorf("%v came back with revision %q, %v", w, revision, found)
		}
	}
	if again := FormatWatches(out); !bytes.Equal(again, text) {
		t.Errorf("got\n%s, then\n%s", text, again)
	}
	in[0], in[5] = in[5], in[0]
	if other := FormatWatches(in[3:]); !bytes.Equal(other, FormatWatches([]Watch{in[8], in[7], in[6], in[5], in[4], in[3]})) {
		t.Error("the order of the list changes the file")
	}
}

// A long list says less of each before it is too long.
func TestFitWatches(t *testing.T) {
	list := func(n int) (all []Watch) {
		for i := range n {
			all = append(all, Watch{VCS: "git", URL: fmt.Sprintf("https://h/%040d", i), Ref: "refs/heads/main", Revision: commit, From: "default.xml:1"})
		}
		return all
	}
	for n, want := range map[int]string{1: "from revision", 1700: "revision", 2200: "", 4000: "too long"} {
		in := list(n)
		file := FitWatches(in)
		var got []string
		for _, key := range []string{"from", "revision"} {
			if bytes.Contains(file, []byte("\n"+key+" = ")) {
				got = append(got, key)
			}
		}
		if out, err := ParseWatches("watch.toml", file); err != nil {
			got = []string{"too long"}
		} else if len(out) != n {
			t.Errorf("%d became %d", n, len(out))
		}
		if strings.Join(got, " ") != want || in[0].From == "" || in[0].Revision == "" {
			t.Errorf("%d: %q in %d bytes, want %q; the list itself begins with %v", n, got, len(file), want, in[0])
		}
	}
}

func TestBadWatchFiles(t *testing.T) {
	for text, want := range map[string]string{
		"[source]\ngit = \"https://h/p\"":                                    `auto.toml:1:2: unknown key "source": known here: watch`,
		"[[watch]]\ngit = \"https://h/p\"\nrevision = \"v1\"":                `auto.toml:3:12: revision: "v1" is no whole commit ID: write 40 or 64 lower case hex digits`,
		"[[watch]]\ngit = \"https://h/p\"\n[[watch]]\ngit = \"https://h/p\"": "auto.toml:3:3: the same watch again: first in line 1, column 3",
		"[[watch]]\nbranch = \"main\"":                                       `auto.toml:1:3: git is missing: write git = "https://host/path"`,
		"not toml":                                                           "auto.toml:1:5: expected '.' or '=', but got 't' instead: write key = value",
		strings.Repeat("[[watch]]\n", MaxWatches+1):                          "",
	} {
		watches, err := ParseWatches("auto.toml", []byte(text))
		if err == nil || watches != nil || want != "" && err.Error() != want {
			t.Errorf("%.60q: got %v, %v, want %s", text, watches, err, want)
		}
	}
	if watches, err := ParseWatches("auto.toml", nil); err != nil || len(watches) != 0 {
		t.Errorf("an empty file: %v, %v", watches, err)
	}
}

// What is taken can be written and read again, and is the same then.
func FuzzParseWatches(f *testing.F) {
	seedGolden(f)
	f.Add([]byte("[[watch]]\ngit = \"git@h:p\"\nbranch = \"main\"\nrevision = \"" + commit + "\"\n"))
	f.Add([]byte("watch = [{git='https://h/p', tag='v1'}, {git='/x', ref='refs/a/b'}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		watches, err := ParseWatches("auto.toml", text)
		if err != nil {
			checkErrors(t, err, text)
			return
		}
		written := FormatWatches(watches)
		if len(written) > maxFile {
			return
		}
		again, err := ParseWatches("auto.toml", written)
		if err != nil || len(again) != len(watches) {
			t.Fatalf("%d watches, then %d, %v:\n%s", len(watches), len(again), err, written)
		}
		if !bytes.Equal(FormatWatches(again), written) {
			t.Fatalf("unstable:\n%s", written)
		}
	})
}

func FuzzCanonicalURL(f *testing.F) {
	for _, s := range []string{"git@h:p", "https://u@h:443/p.git/", "/srv/x", "file:///x", "ssh://[::1]:22/p", "https://h/a%2fb", "file:/le://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if IsLocal(s) != (strings.HasPrefix(s, "/") || strings.HasPrefix(strings.ToLower(s), "file://")) && CheckURL("git", s) == nil {
			t.Errorf("%q: local is %v", s, IsLocal(s))
		}
		if key := CanonicalURL(s); CheckURL("git", s) == nil && CanonicalURL(key) != key {
			t.Errorf("%q becomes %q, then %q", s, key, CanonicalURL(key))
		}
	})
}

func BenchmarkParseWatches(b *testing.B) {
	var watches []Watch
	for i := range 2000 {
		watches = append(watches, Watch{VCS: "git", URL: fmt.Sprintf("https://git.example.test/group/project-%d.git", i), Ref: "refs/heads/main"})
	}
	text := FormatWatches(watches)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ParseWatches("auto.toml", text); err != nil {
			b.Fatal(err)
		}
	}
}
