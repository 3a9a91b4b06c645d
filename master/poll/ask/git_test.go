package ask

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/watchlist"
)

// repo is a git repository for one test.
type repo struct {
	t   testing.TB
	dir string
}

// daemon serves the repository by git's own protocol and returns its URL.
func (r *repo) daemon() string {
	port := freePort(r.t)
	cmd := exec.Command("git", "daemon", "--listen=127.0.0.1", fmt.Sprint("--port=", port), "--export-all", "--base-path="+r.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // git has a process of its own for the daemon
	if err := cmd.Start(); err != nil {
		r.t.Skip("git daemon does not run here:", err)
	}
	r.t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() })
	awaitPort(r.t, port)
	return fmt.Sprintf("git://127.0.0.1:%d/.git", port)
}

func newRepo(t testing.TB, options ...string) *repo {
	t.Helper()
	r := &repo{t, t.TempDir()}
	r.git(append([]string{"init", "-q", "-b", "main"}, options...)...)
	return r
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.test", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.test")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a commit and returns its revision.
func (r *repo) commit() string {
	r.t.Helper()
	r.git("commit", "-q", "--allow-empty", "-m", "work")
	return r.git("rev-parse", "HEAD")
}

// serve serves the repository by smart HTTP and returns its URL.
func (r *repo) serve() string {
	backend := filepath.Join(r.git("--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		r.t.Skip("git has no http backend here")
	}
	srv := httptest.NewServer(&cgi.Handler{Path: backend,
		Env: []string{"GIT_PROJECT_ROOT=" + r.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"}})
	r.t.Cleanup(srv.Close)
	return srv.URL + "/.git/"
}

// newAsker trusts nobody, but remotes on this machine may be asked.
func newAsker(t testing.TB) *Asker {
	a := New(Config{Hosts: watchlist.NewHosts(manifests.HostsConfig{Loopback: true})})
	t.Cleanup(a.CloseIdleConnections)
	return a
}

// remote is one named by a manifest.
func remote(url string, refs ...string) Remote {
	return Remote{VCS: "git", URL: url, Refs: refs, Trusted: true}
}

func TestGitListsRefs(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		r := newRepo(t, "--object-format="+format)
		for name, url := range map[string]string{"path": r.dir, "file": "file://" + r.dir, "http": r.serve(), "git": r.daemon()} {
			t.Run(format+" "+name, func(t *testing.T) { listsRefs(t, r, url) })
		}
	}
}

func listsRefs(t *testing.T, r *repo, url string) {
	first := r.commit()
	r.git("tag", "-f", "light")
	r.git("tag", "-f", "-a", "-m", "note", "annotated")
	r.git("branch", "-f", "side")
	second := r.commit()
	want := map[string]string{"HEAD": second, "refs/heads/main": second, "refs/heads/side": first,
		"refs/tags/light": first, "refs/tags/annotated": first}
	answer, err := newAsker(t).List(t.Context(), remote(url, append(slices.Collect(maps.Keys(want)), "refs/heads/none")...))
	if err != nil {
		t.Fatal(err)
	}
	refs := answer.Refs
	if answer.Head != "refs/heads/main" {
		t.Errorf("HEAD leads to %q", answer.Head)
	}
	for name, revision := range want {
		if refs[name] != revision {
			t.Errorf("%s is %q, want %q", name, refs[name], revision)
		}
	}
	if len(refs) != len(want) {
		t.Errorf("got %v, want just %v", refs, want)
	}
}

func TestGitEmptyRepository(t *testing.T) {
	r := newRepo(t)
	for _, url := range []string{r.dir, r.serve()} {
		if refs, err := newAsker(t).List(t.Context(), remote(url, "HEAD")); err != nil || len(refs.Refs) != 0 {
			t.Errorf("%s: %v, %v; want no refs and no error", url, refs, err)
		}
	}
}

func TestGitSaysWhatIsWrong(t *testing.T) {
	unauthorized := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Basic")
		http.Error(w, "who are you\x1b[31m", http.StatusUnauthorized)
	}))
	defer unauthorized.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	withUser := func(url string) string { return strings.Replace(url, "://", "://tok3n@", 1) + "/x" }
	for _, url := range []string{filepath.Join(t.TempDir(), "none"), withUser(unauthorized.URL), withUser(closed.URL)} {
		_, err := newAsker(t).List(t.Context(), remote(url, "HEAD"))
		if err == nil {
			t.Errorf("%s: no error", url)
			continue
		}
		if strings.Contains(err.Error(), "tok3n") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("the error says too much: %q", err)
		}
		t.Log(err)
	}
}

// TestGitComesBackFromHangingRemotes: from hosts that accept and say nothing,
// over every transport, within the deadline and without leaving anything.
func TestGitComesBackFromHangingRemotes(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	g := newAsker(t)
	before := runtime.NumGoroutine()
	for _, scheme := range []string{"http", "https", "git", "ssh"} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		began := time.Now()
		_, err := g.List(ctx, remote(fmt.Sprintf("%s://%s/x", scheme, ln.Addr()), "HEAD"))
		cancel()
		if took := time.Since(began); err == nil || took > 30*time.Second {
			t.Errorf("%s: %v after %v", scheme, err, took)
		}
	}
	g.CloseIdleConnections()
	eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestGitBoundsAnswers(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, _ = fmt.Fprint(w, "001e# service=git-upload-pack\n0000")
		line := strings.Repeat("1", 40) + " refs/heads/" + strings.Repeat("b", 40000)
		packet := fmt.Sprintf("%04x%s\n", len(line)+5, line)
		_, _ = fmt.Fprintf(w, "%04x%s\x00caps\n", len(line)+10, line)
		for req.Context().Err() == nil {
			if _, err := fmt.Fprint(w, packet); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := newAsker(t).List(ctx, remote(endless.URL, "HEAD")); err == nil || !strings.Contains(err.Error(), "longer than 32 MiB") {
		t.Errorf("endless answer: %v", err)
	}
}

func TestReadRefs(t *testing.T) {
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 64)
	many := &strings.Builder{}
	for i := range maxRefs + 1 {
		fmt.Fprintf(many, "%s\trefs/heads/b%d\n", one, i)
	}
	for _, c := range []struct {
		name, in string
		want     string
		ok       bool
	}{
		{"nothing", "", "map[] ", true},
		{"peeled", one + "\trefs/tags/v1\n" + two + "\trefs/tags/v1^{}\n", "map[refs/tags/v1:" + two + "] ", true},
		{"symbolic", "ref: refs/heads/main\tHEAD\n" + one + "\tHEAD\n", "map[HEAD:" + one + "] refs/heads/main", true},
		{"no tab", one + " HEAD\n", "", false},
		{"no ref", one + "\t\n", "", false},
		{"short revision", "1234\tHEAD\n", "", false},
		{"null revision", strings.Repeat("0", 40) + "\tHEAD\n", "", false},
		{"upper case", strings.Repeat("A", 40) + "\tHEAD\n", "", false},
		{"long line", one + "\trefs/heads/" + strings.Repeat("x", maxLine) + "\n", "", false},
		{"too many", many.String(), "", false},
	} {
		refs, err := readRefs(strings.NewReader(c.in), wanted([]string{"refs/tags/v1", "HEAD"}))
		if (err == nil) != c.ok || c.ok && fmt.Sprintf("%v %s", refs.Refs, refs.Head) != c.want {
			t.Errorf("%s: %v, %v; want %s", c.name, refs, err, c.want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                                "plain",
		"a\n b\tc\x1b[0m\u202e!":               "a b c [0m !",
		`Get "https://user:p@ss@h.test/x": no`: `Get "https://h.test/x": no`,
		"ssh://git@h.test/x@y":                 "ssh://h.test/x@y",
		"bad \xff":                             "bad ?",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Clean(strings.Repeat("x ", 2040) + "https://user:S3CRET" + strings.Repeat("x", 100) + "@h.test"); strings.Contains(got, "S3C") {
		t.Errorf("cut within a secret: %q", got)
	}
	if got := Clean("a " + strings.Repeat("ä", 1000)); len(got) > maxMessage+len("…") {
		t.Errorf("%d bytes are left", len(got))
	}
	if err := cleaned(fmt.Errorf("ask: %w", os.ErrNotExist)); !errors.Is(err, os.ErrNotExist) {
		t.Error("the cause is lost")
	}
}

func FuzzReadRefs(f *testing.F) {
	f.Add(strings.Repeat("1", 40) + "\trefs/tags/v1\n" + strings.Repeat("2", 64) + "\trefs/tags/v1^{}\n")
	f.Fuzz(func(t *testing.T, in string) {
		refs, err := readRefs(strings.NewReader(in), wanted([]string{"refs/tags/v1"}))
		if err != nil && refs.Refs != nil {
			t.Error("refs beside an error")
		}
		for name, revision := range refs.Refs {
			if !isRevision(revision) || strings.ContainsAny(name, "\n") {
				t.Errorf("%q: %q", name, revision)
			}
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add("https://user:secret@host/x")
	f.Fuzz(func(t *testing.T, in string) {
		got := Clean("https://user:S3CRET@host/x " + in)
		if strings.Contains(got, "S3CRET") && !strings.Contains(in, "S3CRET") {
			t.Errorf("%q", got)
		}
		if strings.ContainsAny(got, "\n\r\x1b\x00") || len(got) > maxMessage+len("…") {
			t.Errorf("%q", got)
		}
	})
}

// eventually waits for what other goroutines bring about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
