package ask

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hgRepo is a Mercurial repository for one test.
type hgRepo struct {
	t   testing.TB
	dir string
}

func newHgRepo(t testing.TB) *hgRepo {
	t.Helper()
	if _, err := exec.LookPath("hg"); err != nil {
		t.Skip("Mercurial is not installed here")
	}
	r := &hgRepo{t, t.TempDir()}
	r.hg("init")
	return r
}

func (r *hgRepo) hg(args ...string) string {
	r.t.Helper()
	out, err := r.command(args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("hg %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *hgRepo) command(args ...string) *exec.Cmd {
	cmd := exec.Command("hg", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "HGRCPATH=", "HGPLAIN=1", "HGUSER=Ann")
	return cmd
}

// commit makes a commit and returns its revision.
func (r *hgRepo) commit(name string) string {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(name), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.hg("commit", "-A", "-m", name)
	return r.hg("log", "-r", ".", "-T", "{node}")
}

// serve serves the repository by http and returns its URL.
func (r *hgRepo) serve() string {
	port := freePort(r.t)
	cmd := r.command("serve", "-a", "127.0.0.1", "-p", fmt.Sprint(port))
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	awaitPort(r.t, port)
	return fmt.Sprintf("http://127.0.0.1:%d/", port)
}

func freePort(t testing.TB) int {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().(*net.TCPAddr).Port
}

func awaitPort(t testing.TB, port int) {
	eventually(t, "a server", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// history makes a repository with all that can be watched, and says where it is.
func (r *hgRepo) history() map[string]string {
	first := r.commit("one")
	r.hg("tag", "v1;0,=")
	r.hg("bookmark", "-r", first, "@")
	second := r.commit("two") // default
	r.hg("update", "-q", first)
	r.hg("branch", "two heads")
	a := r.commit("a")
	r.hg("update", "-q", first)
	r.hg("branch", "-f", "two heads")
	r.commit("b")
	r.hg("commit", "--close-branch", "-m", "closed") // the tipmost head, and closed
	r.hg("branch", "ä/o")
	umlaut := r.commit("c")
	return map[string]string{"refs/heads/ä/o": umlaut, "HEAD": second, "refs/heads/default": second, "refs/heads/two heads": a,
		"refs/tags/v1;0,=": first, "refs/bookmarks/@": first}
}

func TestHgRefs(t *testing.T) {
	r := newHgRepo(t)
	want := r.history()
	refs := []string{"refs/heads/none", "refs/bookmarks/none", "refs/tags/none", "refs/tags/default", "refs/tags/1", "refs/other/x",
		"refs/tags/" + want["HEAD"][:7], "refs/tags/@"}
	for ref := range want {
		refs = append(refs, ref)
	}
	for i := range 3 * hgBatch {
		refs = append(refs, fmt.Sprint("refs/tags/many", i))
	}
	urls := map[string]string{"path": r.dir, "http": r.serve()}
	if url, login, ok := tryServeSSH(t); ok {
		urls["ssh"] = url + "/" + r.dir
		a := newAsker(t)
		a.logins = login
		t.Run("ssh with a key", func(t *testing.T) { hgLists(t, a, urls["ssh"], refs, want) })
		delete(urls, "ssh")
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) { hgLists(t, newAsker(t), url, refs, want) })
	}
}

func hgLists(t *testing.T, a *Asker, url string, refs []string, want map[string]string) {
	answer, err := a.List(t.Context(), Remote{VCS: "hg", URL: url, Refs: refs, Trusted: true})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(answer.Refs, want) {
		t.Errorf("got  %v\nwant %v", answer.Refs, want)
	}
}

func TestHgEmptyAndMissing(t *testing.T) {
	r := newHgRepo(t)
	for _, url := range []string{r.dir, r.serve()} {
		answer, err := newAsker(t).List(t.Context(), Remote{VCS: "hg", URL: url, Refs: []string{"HEAD", "refs/tags/tip"}, Trusted: true})
		if err != nil || len(answer.Refs) != 0 {
			t.Errorf("%s: %v, %v; want no refs and no error", url, answer, err)
		}
	}
	for _, url := range []string{t.TempDir(), newRepo(t).serve()} {
		if _, err := newAsker(t).List(t.Context(), Remote{VCS: "hg", URL: url, Refs: []string{"HEAD"}, Trusted: true}); err == nil {
			t.Errorf("%s: no error", url)
		} else {
			t.Log(err)
		}
	}
}

func TestHgReadsHello(t *testing.T) {
	for _, c := range []struct {
		name, in string
		ok       bool
	}{
		{"nothing else", "15\ncapabilities: x\n1\n\n", true},
		{"a greeting", "Welcome!\n\n15\ncapabilities: x\n1\n\n", true},
		{"no Mercurial", "sh: hg: not found\n", false},
		{"without end", strings.Repeat("noise\n", 2*maxNoise), false},
		{"a long line", strings.Repeat("x", 2*maxLine), false},
	} {
		if err := newHgReader(strings.NewReader(c.in)).skipHello(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestHgBoundsAnswers(t *testing.T) {
	for _, in := range []string{"-1\n", "x\n", "99999999999\n", "5\nabc"} {
		if b, err := newHgReader(strings.NewReader(in)).answer(); err == nil {
			t.Errorf("%q: %q", in, b)
		}
	}
}

func FuzzHgAnswer(f *testing.F) {
	one := strings.Repeat("1", 40)
	f.Add("default " + one + " " + one + "\na%20b " + one + ";@\t" + one + ";1 " + one + "\n")
	f.Add("a:cb " + one + ";;0 unknown revision")
	calls := []hgCall{{name: "branchmap"}, {name: "listkeys"}, {"lookup", [][2]string{{"key", "x"}}}}
	refs := []string{"HEAD", "refs/heads/a:b", "refs/tags/x", "refs/bookmarks/@"}
	f.Fuzz(func(t *testing.T, in string) {
		h := hgHeads{found: map[string]string{}}
		if h.read(calls, []byte(in)) != nil {
			return
		}
		if err := check(h.answer(refs)); err != nil {
			t.Error(err)
		}
	})
}

func FuzzHgStdio(f *testing.F) {
	f.Add("hi\n15\ncapabilities: x\n1\n\n3\nabc")
	f.Fuzz(func(t *testing.T, in string) {
		r := newHgReader(strings.NewReader(in))
		if r.skipHello() == nil {
			if b, err := r.answer(); err == nil && len(b) > len(in) {
				t.Errorf("%d bytes of %d", len(b), len(in))
			}
		}
	})
}
