package repos

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wright-build/wright/manifests"
)

func TestTip(t *testing.T) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	for name, c := range map[string]struct {
		refs   refs
		branch string
		want   string // commit, or part of the error
	}{
		"a branch":           {refs{map[string]string{"HEAD": a, "refs/heads/x": b}, "main"}, "x", b},
		"HEAD":               {refs{map[string]string{"HEAD": a, "refs/heads/x": b}, "main"}, "", a},
		"empty":              {refs{}, "", "the remote is empty"},
		"empty, a branch":    {refs{}, "x", "no branch x, or is empty"},
		"no HEAD":            {refs{map[string]string{"refs/heads/x": b}, ""}, "", "name a branch"},
		"no branch":          {refs{map[string]string{"HEAD": a}, ""}, "x", "no branch x"},
		"renamed":            {refs{map[string]string{"HEAD": a}, "trunk"}, "main", "no branch main; its HEAD is on trunk"},
		"a tag is no branch": {refs{map[string]string{"HEAD": a, "refs/tags/x": b}, ""}, "x", "no branch x"},
		"SHA-256":            {refs{map[string]string{"HEAD": a + a[:24]}, ""}, "", "SHA-1"},
	} {
		got, err := c.refs.tip(c.branch)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestPause(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: 5 * time.Second, 1: 10 * time.Second, 3: 40 * time.Second, 4: time.Minute, 1000: time.Minute} {
		if got := pause(5*time.Second, failures); got != want {
			t.Errorf("after %d failures %s, want %s", failures, got, want)
		}
	}
}

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		url         string
		given, want time.Duration
	}{
		{"https://git.example.test/x", 0, 5 * time.Second},
		{"https://git.example.test/x", time.Minute, 5 * time.Second},
		{"https://git.example.test/x", time.Second, time.Second},
		{"/srv/git/x", time.Minute, 2 * time.Second},
	} {
		r := New(Config{Repos: []manifests.Repo{{URL: c.url}}, Interval: c.given, Log: discard()})
		if got := r.All()[0].interval; got != c.want {
			t.Errorf("%s at %s: %s, want %s", c.url, c.given, got, c.want)
		}
	}
}

func TestNamesUser(t *testing.T) {
	for url, want := range map[string]bool{
		"git@host:x": true, "ssh://git@host/x": true, "ssh://host/x@y": false, "ssh://host:22/x": false, "host:x": false,
	} {
		if got := namesUser(url); got != want {
			t.Errorf("%s: %v", url, got)
		}
	}
}

func TestAuthor(t *testing.T) {
	for _, c := range [][3]string{
		{"Ann", "a@b", "Ann"},
		{"", "a@b", "a@b"},
		{" \t", "", "somebody without a name"},
		{"A\x1b[31mnn\u202e\r\nx\x00", "", "A [31mnn x"},
		{strings.Repeat("ä", 100), "", strings.Repeat("ä", 80) + "…"},
		{"\xff", "", "\ufffd"},
	} {
		if got := cleanAuthor(c[0], c[1]); got != c[2] {
			t.Errorf("%q %q: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("fatal: https://user:hunter2@host/x\n\x1b[0m: no", "Ann\u202e")
	f.Add(strings.Repeat("x", 5000), "\xff\xfe")
	f.Fuzz(func(t *testing.T, message, author string) {
		for _, s := range []string{clean(message), cleanAuthor(author, "")} {
			bad := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
			if !utf8.ValidString(s) || len(s) > maxMessage+3 || strings.IndexFunc(s, bad) >= 0 {
				t.Errorf("%q", s)
			}
		}
	})
}

func TestCleanHidesPasswords(t *testing.T) {
	if got := clean("fatal: unable to access 'https://user:hunter2@host/x/': no"); strings.Contains(got, "hunter2") || !strings.Contains(got, "host/x") {
		t.Error(got)
	}
}

func FuzzReadRefs(f *testing.F) {
	a := strings.Repeat("a", 40)
	f.Add([]byte("ref: refs/heads/main\tHEAD\n" + a + "\tHEAD\n" + a + "\trefs/heads/main\n"))
	f.Add([]byte("warning: x\n"))
	f.Add([]byte("ref: \t\n\t\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		r, err := readRefs(out)
		if err != nil {
			return
		}
		for name, commit := range r.byName {
			if !isCommit(commit) {
				t.Errorf("%q is at %q", name, commit)
			}
		}
		_, _ = r.tip("main")
		_, _ = r.tip("")
	})
}
