package ask

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func lines(all ...string) string {
	var b []byte
	for _, line := range all {
		if line == "" {
			b = append(b, "0000"...)
		} else {
			b = packet(b, "%s", line)
		}
	}
	return string(b)
}

func TestReadAdvert(t *testing.T) {
	one, two, long := strings.Repeat("1", 40), strings.Repeat("2", 40), strings.Repeat("3", 64)
	const caps = "\x00multi_ack symref=HEAD:refs/heads/main symref=X:refs/y object-format=sha1"
	many := []string{one + " refs/heads/b" + caps}
	for i := range maxRefs {
		many = append(many, fmt.Sprintf("%s refs/x/%d", one, i))
	}
	for _, c := range []struct {
		name, in string
		want     string // "" is an error
	}{
		{"git's", lines(one+" HEAD"+caps+"\n", one+" refs/heads/main\n", two+" refs/tags/v1", one+" refs/tags/v1^{}\n", ""), "HEAD=1 refs/tags/v1=1 @refs/heads/main"},
		{"http's", lines("# service=git-upload-pack\n", "", one+" HEAD"+caps, ""), "HEAD=1 @refs/heads/main"},
		{"version 1", lines("version 1", one+" HEAD"+caps, ""), "HEAD=1 @refs/heads/main"},
		{"sha256", lines(long+" HEAD\x00object-format=sha256", ""), "HEAD=3 @"},
		{"empty", lines(strings.Repeat("0", 40)+" capabilities^{}\x00symref=HEAD:refs/heads/main", ""), "@refs/heads/main"},
		{"empty http", lines("# service=git-upload-pack\n", "", ""), "@"},
		{"shallow", lines(one+" HEAD"+caps, "shallow "+two, ""), "HEAD=1 @refs/heads/main"},
		{"an error", lines("ERR access denied\n"), ""},
		{"nothing", "", ""},
		{"cut short", lines(one + " HEAD" + caps), ""},
		{"cut in a line", lines(one + " HEAD" + caps)[:20], ""},
		{"cut in a length", "00", ""},
		{"no capabilities", lines(one+" HEAD", ""), ""},
		{"no space", lines(one+caps, ""), ""},
		{"null revision", lines(strings.Repeat("0", 40)+" HEAD"+caps, ""), ""},
		{"upper case", lines(strings.Repeat("A", 40)+" HEAD"+caps, ""), ""},
		{"no git", "HTTP/1.1 400 Bad Request\r\n\r\n", ""},
		{"a bad length", "-001", ""},
		{"too many", lines(append(many, "")...), ""},
	} {
		a, _, err := readAdvert(newPackets(strings.NewReader(c.in)), wanted([]string{"HEAD", "refs/tags/v1"}))
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: no error", c.name)
			}
			continue
		}
		if err != nil || picture(a.Answer) != c.want {
			t.Errorf("%s: %v %v, want %s", c.name, a, err, c.want)
		}
	}
}

// picture shows the first digits of revisions, and where HEAD leads.
func picture(a Answer) string {
	var words []string
	for _, ref := range []string{"HEAD", "refs/tags/v1"} {
		if revision := a.Refs[ref]; revision != "" {
			words = append(words, ref+"="+revision[:1])
		}
	}
	return strings.Join(append(words, "@"+a.Head), " ")
}

// TestManyRefsAreFiltered: a remote that has many refs is asked for the wanted
// ones from the second time on, with the same result.
func TestManyRefsAreFiltered(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		r := newRepo(t, "--object-format="+format)
		r.commit()
		r.git("tag", "-a", "-m", "note", "v1")
		r.manyRefs(2 * many)
		ssh, login, ok := tryServeSSH(t)
		urls := map[string]string{"http": r.serve(), "git": r.daemon()}
		if ok {
			urls["ssh"] = ssh + r.dir
		}
		for name, url := range urls {
			t.Run(format+" "+name, func(t *testing.T) { filters(t, r, url, login) })
		}
	}
}

// manyRefs makes branches that nobody watches.
func (r *repo) manyRefs(n int) {
	r.t.Helper()
	b := []byte("# pack-refs with: peeled fully-peeled sorted \n")
	head := r.git("rev-parse", "HEAD")
	for i := range n {
		b = fmt.Appendf(b, "%s refs/heads/other/%06d\n", head, i)
	}
	write(r.t, filepath.Join(r.dir, ".git", "packed-refs"), b)
}

func filters(t *testing.T, r *repo, url string, login keyring) {
	a := newAsker(t)
	a.logins = login
	ask := func() Answer {
		t.Helper()
		answer, err := a.List(t.Context(), remote(url, "HEAD", "refs/heads/main", "refs/tags/v1", "refs/heads/other/000007", "refs/heads/other"))
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	first := ask()
	if len(first.Refs) != 4 || !a.styles.of(url).filtered {
		t.Fatalf("found %v, and filtering %t", first, a.styles.of(url).filtered)
	}
	if second := ask(); !maps.Equal(first.Refs, second.Refs) || first.Head != second.Head {
		t.Errorf("first %v, filtered %v", first, second)
	}
	next := r.commit()
	if third := ask(); third.Refs["HEAD"] != next || !a.styles.of(url).filtered {
		t.Errorf("after a commit: %v, want HEAD at %s", third, next)
	}
}

// TestAServerThatCannotFilter is asked for all again.
func TestAServerThatCannotFilter(t *testing.T) {
	r := newRepo(t)
	r.commit()
	r.manyRefs(2 * many)
	behind := r.serve()
	posts := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			posts++
			http.Error(w, "what?", http.StatusBadRequest)
			return
		}
		http.Redirect(w, req, strings.TrimSuffix(behind, "/.git/")+req.URL.String(), http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	a := newAsker(t)
	url := srv.URL + "/.git"
	a.styles.set(url, style{filtered: true, base: url})
	for range 3 {
		if answer, err := a.List(t.Context(), remote(url, "HEAD")); err != nil || answer.Refs["HEAD"] == "" {
			t.Fatalf("%v, %v", answer, err)
		}
	}
	if posts != 1 {
		t.Errorf("%d questions that the server does not understand", posts)
	}
}

// TestDumbServer: files of a repository on a web server.
func TestDumbServer(t *testing.T) {
	r := newRepo(t)
	revision := r.commit()
	r.git("tag", "-a", "-m", "note", "v1")
	r.git("update-server-info")
	srv := httptest.NewServer(http.FileServer(http.Dir(r.dir)))
	defer srv.Close()
	answer, err := newAsker(t).List(t.Context(), remote(srv.URL+"/.git", "HEAD", "refs/tags/v1", "refs/heads/none"))
	if err != nil || answer.Head != "refs/heads/main" || answer.Refs["HEAD"] != revision || answer.Refs["refs/tags/v1"] != revision || len(answer.Refs) != 2 {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestPlaces(t *testing.T) {
	for url, want := range map[string]string{
		"https://H.test/a/b.git":       "https||H.test|443|/a/b.git",
		"ssh://ann@h.test:2222/~bob/x": "ssh|ann|h.test|2222|~bob/x",
		"git@h.test:a/b":               "ssh|git|h.test|22|a/b",
		"h.test:a":                     "ssh||h.test|22|a",
		"git@[::1]:a":                  "ssh|git|::1|22|a",
		"git://[::1]:99/x%20y":         "git||::1|99|/x y",
		"/srv/x":                       "file||||/srv/x",
		"/srv/://x%20y":                "file||||/srv/://x%20y",
		"file:///srv/x%00":             "",
		"file:///srv/x%20y":            "file||||/srv/x y",
		"ext::sh -c true":              "",
		"-oProxyCommand=x:y":           "",
		"ssh://h.test/a%0ab":           "",
		"git://h.test/a%00host=evil":   "",
		"relative":                     "",
		"foo://h.test/x":               "",
	} {
		p, err := parsePlace(url)
		got := strings.Join([]string{p.scheme, p.user, p.host, p.port, p.path}, "|")
		if (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("%s: %s, %v; want %s", url, got, err, want)
		}
	}
}

func FuzzReadAdvert(f *testing.F) {
	one := strings.Repeat("1", 40)
	f.Add([]byte(lines(one+" HEAD\x00symref=HEAD:refs/heads/main", one+" refs/tags/v1^{}", "")))
	f.Add([]byte(lines("# service=git-upload-pack\n", "", one+" HEAD\x00", "")))
	f.Add([]byte(lines("version 2\n", "object-format=sha1", "", one+" HEAD symref-target:refs/heads/main", one+" refs/tags/v1 peeled:"+one, "")))
	f.Fuzz(func(t *testing.T, in []byte) {
		p := newPackets(bytes.NewReader(in))
		a, version2, err := readAdvert(p, wanted([]string{"HEAD", "refs/tags/v1"}))
		if err == nil && version2 {
			err = a.readRefs2(p)
		}
		if err != nil {
			return
		}
		if err := check(a.Answer); err != nil || len(a.Refs) > 2 {
			t.Errorf("%v %v", a.Refs, err)
		}
	})
}

func FuzzParsePlace(f *testing.F) {
	f.Add("ssh://ann@h.test:2222/~bob/x")
	f.Add("git@[::1]:a")
	f.Fuzz(func(t *testing.T, url string) {
		p, err := parsePlace(url)
		if err == nil && (strings.ContainsAny(p.path+p.host+p.user, "\x00\n") || p.scheme != "file" && (p.host == "" || p.port == "")) {
			t.Errorf("%q: %+v", url, p)
		}
	})
}
