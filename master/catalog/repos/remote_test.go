package repos

import (
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/manifests"
)

// basic serves repositories below dir over HTTP to who knows the password.
func basic(t *testing.T, repo *gittest.Repo, user, password string) string {
	t.Helper()
	git := &cgi.Handler{
		Path: filepath.Join(repo.Git("--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(repo.Dir), "GIT_HTTP_EXPORT_ALL=1", "HOME=" + repo.Dir},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		if u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		git.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(repo.Dir)
}

type oneLogin Login

func (l oneLogin) For(string) (Login, error) { return Login(l), nil }

// A clone of an earlier master says nothing while the remote is away; a broken
// one is made anew.
func TestRestart(t *testing.T) {
	r := gittest.New(t)
	head := r.Commit("one", map[string]string{"shop.toml": manifest("one")})
	dir, what := t.TempDir(), manifests.Repo{URL: r.URL()}
	f := follow(t, dir, what, nil)
	f.awaitSaid("shop=one")
	f.stop()

	away := r.Dir + ".away"
	if err := os.Rename(r.Dir, away); err != nil {
		t.Fatal(err)
	}
	f = follow(t, dir, what, nil)
	f.awaitError("git:")
	if st := f.repo.Status(); st.Head.ID != head || !st.CheckedAt.IsZero() {
		t.Errorf("status %+v, want %s, never checked", st, head)
	}
	if _, n := f.last(); n != 0 {
		t.Error("what an old clone says was told")
	}
	f.stop()

	if err := os.Rename(away, r.Dir); err != nil {
		t.Fatal(err)
	}
	packs, _ := filepath.Glob(filepath.Join(dir, "*", "objects", "pack", "*.pack"))
	if len(packs) == 0 {
		t.Fatal("the clone has no pack")
	}
	for _, p := range packs {
		if err := os.Chmod(p, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(p, 40); err != nil {
			t.Fatal(err)
		}
	}
	f = follow(t, dir, what, nil)
	f.awaitSaid("shop=one")
	r.Commit("two", map[string]string{"shop.toml": manifest("two")})
	f.awaitSaid("shop=two")
}

// A clone that lacks a file is made anew, too.
func TestCloneThatLacksAFile(t *testing.T) {
	r := gittest.New(t)
	r.Commit("one", map[string]string{"shop.toml": manifest("one")})
	dir, what := t.TempDir(), manifests.Repo{URL: r.URL()}
	f := follow(t, dir, what, nil)
	f.awaitSaid("shop=one")
	f.stop()
	clone := gittest.Open(t, f.repo.clone.dir)
	packs, _ := filepath.Glob(filepath.Join(clone.Dir, "objects", "pack", "*.pack"))
	for _, p := range packs {
		clone.Git("-c", "alias.out=!mv "+p+"* "+dir+"/ 2>/dev/null; git unpack-objects -q <"+filepath.Join(dir, filepath.Base(p)), "out")
	}
	blob := r.Git("rev-parse", "HEAD:shop.toml")
	idx, _ := filepath.Glob(filepath.Join(clone.Dir, "objects", "pack", "*"))
	for _, p := range append(idx, filepath.Join(clone.Dir, "objects", blob[:2], blob[2:])) {
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
	}
	f = follow(t, dir, what, nil)
	f.awaitSaid("shop=one")
}

// A remote that never answers is given up, and so is a program that reaches it.
func TestHangingRemote(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it accepts, and says nothing
	for _, scheme := range []string{"http", "git"} {
		f := prepare(t, t.TempDir(), manifests.Repo{URL: scheme + "://" + l.Addr().String() + "/x"}, nil)
		f.repo.timeout = 200 * time.Millisecond
		f.start()
		f.awaitError("deadline exceeded")
		f.stop()
	}
}

// A server's answer that is none is an error, whatever it is.
func TestBogusServer(t *testing.T) {
	for name, answer := range map[string]string{
		"no packets": "hello", "a bad length": "zzzz", "empty": "", "truncated": "001e# service=git-upload-pack\n0000015a4f",
		"zeroes": strings.Repeat("0000", 1000),
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = w.Write([]byte(answer))
		}))
		f := follow(t, t.TempDir(), manifests.Repo{URL: server.URL + "/x"}, nil)
		f.await("an error about "+name, func() bool { return f.repo.Status().Error != "" })
		f.stop()
		server.Close()
	}
}

// A deploy key opens ssh; no file with it is left, and an unknown host is refused.
func TestDeployKey(t *testing.T) {
	server := wrighttest.OpenSSH(t)
	r := gittest.New(t)
	r.Commit("one", map[string]string{"shop.toml": manifest("one")})
	key, err := os.ReadFile(server.Key)
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := os.ReadFile(server.KnownHosts)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "with 'odd' name")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	what := manifests.Repo{URL: server.URL + r.Dir}
	f := follow(t, dir, what, oneLogin{Key: key, KnownHosts: hosts})
	f.awaitSaid("shop=one")
	r.Commit("two", map[string]string{"shop.toml": manifest("two")})
	f.awaitSaid("shop=two")
	f.stop()
	if left, _ := filepath.Glob(filepath.Join(dir, "*.login*")); len(left) > 0 {
		t.Errorf("files with the key are left: %s", left)
	}
	strange := follow(t, t.TempDir(), what, oneLogin{Key: key, KnownHosts: []byte("# nobody\n")})
	strange.awaitError("Host key verification failed")
}

func TestLogin(t *testing.T) {
	r := gittest.New(t)
	r.Commit("one", map[string]string{"shop.toml": manifest("one")})
	url := basic(t, r, "x-access-token", "hunter2")
	dir := t.TempDir()
	f := follow(t, dir, manifests.Repo{URL: url}, oneLogin{Password: "hunter2"})
	f.awaitSaid("shop=one")
	r.Commit("two", map[string]string{"shop.toml": manifest("two")})
	f.awaitSaid("shop=two")
	wrong := follow(t, t.TempDir(), manifests.Repo{URL: url}, oneLogin{Password: "hunter3"})
	wrong.awaitError(errRefused.Error())
	none := follow(t, t.TempDir(), manifests.Repo{URL: url}, nil)
	none.await("an error", func() bool { return none.repo.Status().Error != "" })
	if e := none.repo.Status().Error + wrong.repo.Status().Error; strings.Contains(e, "hunter") {
		t.Errorf("the error tells the password: %s", e)
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if text, _ := os.ReadFile(path); strings.Contains(string(text), "hunter") {
			t.Errorf("%s has the password", path)
		}
		return err
	})
}
