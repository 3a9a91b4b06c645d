package workspace

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/agent/workspace/hgtest"
)

func TestRefs(t *testing.T) {
	origin := gittest.New(t)
	one := origin.Commit("one", nil)
	origin.Tag("v1")
	origin.Branch("side")
	two := origin.Commit("two", nil)
	origin.Branch("main")
	tag := origin.Git("rev-parse", "v1")
	want := map[string]string{"HEAD": one, "refs/heads/main": one, "refs/heads/side": two, "refs/tags/v1": tag, "refs/tags/v1^{}": one}
	for _, url := range []string{origin.URL(), origin.Dir, origin.ServeHTTP(), origin.Serve()} {
		refs, head, err := Remotes{}.Refs(t.Context(), "git", url)
		if err != nil || head != "refs/heads/main" {
			t.Errorf("%s: HEAD is on %q, %v", url, head, err)
		}
		sameRefs(t, url, refs, want)
	}
	origin.Git("update-ref", "refs/pull/1/head", two)
	refs, _, err := Remotes{}.Refs(t.Context(), "git", origin.ServeHTTP())
	if err != nil {
		t.Fatal(err)
	}
	sameRefs(t, "with a pull request", refs, want)
	if refs, _, err = (Remotes{}).Refs(t.Context(), "git", olderThanV2(t, origin)); err != nil || refs["refs/heads/side"] != two || refs["refs/pull/1/head"] != two {
		t.Errorf("an old server: %v, %v", refs, err)
	}
	if refs, _, err := (Remotes{}).Refs(t.Context(), "git", gittest.New(t).ServeHTTP()); err != nil || len(refs) != 0 {
		t.Errorf("an empty one: %v, %v", refs, err)
	}
	if refs, _, err := (Remotes{}).Refs(t.Context(), "git", gittest.New(t).URL()); err != nil || len(refs) != 0 {
		t.Errorf("an empty one: %v, %v", refs, err)
	}
	for _, url := range []string{"http://127.0.0.1:1/x", "git://127.0.0.1:1/x", filepath.Join(t.TempDir(), "none"), "ext::sh -c x"} {
		if refs, _, err := (Remotes{}).Refs(t.Context(), "git", url); err == nil {
			t.Errorf("%s: %v", url, refs)
		}
	}
}

// olderThanV2 serves a repository by a server that knows no version 2.
func olderThanV2(t *testing.T, r *gittest.Repo) string {
	t.Helper()
	behind, err := url.Parse(r.ServeHTTP())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: behind.Host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		q.Header.Del("Git-Protocol")
		proxy.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	return server.URL + behind.Path
}

// Where a redirect leads to is asked.
func TestRefsRedirected(t *testing.T) {
	origin := gittest.New(t)
	one := origin.Commit("one", nil)
	address := origin.ServeHTTP()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, address+strings.TrimPrefix(q.URL.Path, "/old")+"?"+q.URL.RawQuery, http.StatusMovedPermanently)
	}))
	t.Cleanup(server.Close)
	refs, _, err := Remotes{}.Refs(t.Context(), "git", server.URL+"/old")
	if err != nil || refs["HEAD"] != one {
		t.Errorf("got %v, %v", refs, err)
	}
}

func TestMercurialRefs(t *testing.T) {
	origin := hgtest.New(t)
	one := origin.Commit("one", map[string]string{"a": "1"})
	origin.Hg("branch", "-q", "grün side")
	two := origin.Commit("two", map[string]string{"a": "2"})
	origin.Hg("bookmark", "@")
	want := map[string]string{"HEAD": one, "refs/heads/default": one, "refs/heads/grün side": two, "refs/bookmarks/@": two}
	for _, url := range []string{origin.Dir, "file://" + origin.Dir, origin.Serve()} {
		refs, head, err := Remotes{}.Refs(t.Context(), "hg", url)
		if err != nil || head != "refs/heads/default" {
			t.Errorf("%s: HEAD is on %q, %v", url, head, err)
		}
		sameRefs(t, url, refs, want)
	}
	if refs, _, err := (Remotes{}).Refs(t.Context(), "hg", "http://127.0.0.1:1/x"); err == nil {
		t.Errorf("got %v", refs)
	}
}

func sameRefs(t *testing.T, url string, got, want map[string]string) {
	t.Helper()
	for name, commit := range want {
		if got[name] != commit {
			t.Errorf("%s: %s is %q, want %q", url, name, got[name], commit)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: got %v, want %v", url, got, want)
	}
}

func FuzzParseRefs(f *testing.F) {
	f.Add("ref: refs/heads/main\tHEAD\n" + strings.Repeat("1", 40) + "\tHEAD\n")
	f.Add("0052" + strings.Repeat("1", 40) + " HEAD symref-target:refs/heads/main\n0000")
	f.Add("branch 64656661756c74 " + strings.Repeat("1", 40) + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		parseV2 := func(text string) (map[string]string, string) {
			refs, head, _ := parseLsRefs([]byte(text))
			return refs, head
		}
		speaksV2([]byte(text))
		for _, parse := range []func(string) (map[string]string, string){parseRefs, parseHgRefs, parseV2} {
			refs, _ := parse(text)
			for name, commit := range refs {
				if !isFullID(commit) {
					t.Errorf("%q: %q", name, commit)
				}
			}
		}
	})
}
