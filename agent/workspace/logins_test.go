package workspace

import (
	"bytes"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/access"
	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/agent/workspace/hgtest"
)

// opened are logins as a build has them.
func opened(t *testing.T, logins ...access.Login) *access.Access {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "logins of a build")
	if err := access.Keep(dir, logins); err != nil {
		t.Fatal(err)
	}
	a, err := access.Open(dir, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// fetched fetches with submodules, and returns what was said and what failed.
func fetched(t *testing.T, url string, a *access.Access) (*Result, string, error) {
	t.Helper()
	var said bytes.Buffer
	r, err := Fetch(t.Context(), filepath.Join(t.TempDir(), "workspace"), Source{URL: url, Branch: "main", Submodules: true, Access: a}, &said)
	return r, said.String(), err
}

// stepGit runs git as a step does: with the user's environment and the variables.
func stepGit(t *testing.T, a *access.Access, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	for name, value := range a.Variables(nil) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestDeployKeys: two repositories on one host with a key each, one the
// submodule of the other. Each key opens its own and nothing else does.
func TestDeployKeys(t *testing.T) {
	server := gittest.NewSSH(t)
	theme := gittest.New(t)
	theme.Commit("theme", map[string]string{"theme.css": "body {}\n"})
	shop := gitlink(t, "x", server.URL(theme), theme.Head())
	shopKey := access.Login{URL: server.URL(shop), SSH: true, Key: server.DeployKey(shop), KnownHosts: server.KnownHosts}
	themeKey := access.Login{URL: server.URL(theme), SSH: true, Key: server.DeployKey(theme), KnownHosts: server.KnownHosts}
	everything := strings.Replace(server.URL(shop), shop.Dir, "/*", 1)

	r, said, err := fetched(t, server.URL(shop), opened(t, themeKey, shopKey))
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if len(r.Submodules) != 1 || r.Revision != shop.Head() {
		t.Errorf("got %+v", r)
	}
	for _, c := range []struct {
		what   string
		logins []access.Login
		want   string // in the error
	}{
		{"without the submodule's key", []access.Login{shopKey}, "submodule x"},
		{"with the submodule's key only", []access.Login{themeKey}, "fetch " + server.URL(shop)},
		{"with the other's key", []access.Login{{URL: everything, SSH: true, Key: themeKey.Key, KnownHosts: server.KnownHosts}}, "this key is not for"},
		{"with none", nil, "fetch " + server.URL(shop)},
		{"with one that could not be read", []access.Login{{URL: everything, SSH: true, Problem: "the key: it is gone"}}, "the key: it is gone"},
	} {
		if _, _, err := fetched(t, server.URL(shop), opened(t, c.logins...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	a := opened(t, shopKey)
	if out, err := stepGit(t, a, "ls-remote", server.URL(shop)); err != nil || !strings.Contains(out, shop.Head()) {
		t.Errorf("a step: %v\n%s", err, out)
	}
	if out, err := stepGit(t, a, "ls-remote", server.URL(theme)); err == nil {
		t.Errorf("a step with another build's key: %s", out)
	}
	if refs, _, err := (Remotes{Access: a}).Refs(t.Context(), "git", server.URL(shop)); err != nil || refs["refs/heads/main"] != shop.Head() {
		t.Errorf("refs: %v, %v", refs, err)
	}
	unseen(t, server.Seen(), shopKey.Key, themeKey.Key)
}

// unseen fails the test if a part of a key is in what was seen.
func unseen(t *testing.T, seen string, keys ...[]byte) {
	t.Helper()
	for _, key := range keys {
		for line := range strings.Lines(string(key)) {
			if line = strings.TrimSpace(line); len(line) > 16 && !strings.HasPrefix(line, "-----") && strings.Contains(seen, line) {
				t.Error("a key stands in a command line or an environment")
			}
		}
	}
}

// TestHostKeys: a host that cannot prove that it is the known one gets nothing,
// and the error says what to do.
func TestHostKeys(t *testing.T) {
	server := gittest.NewSSH(t)
	repo := gittest.New(t)
	repo.Commit("one", map[string]string{"a": "b"})
	key := server.DeployKey(repo)
	for _, c := range []struct {
		hosts []byte
		want  string // in the error; "": none
	}{
		{server.KnownHosts, ""},
		{[]byte("\n"), "no key of the ssh host 127.0.0.1:"},
		{[]byte("other.test ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEK2hcNeMqbIoCEhmA8YA1IFZLTN0NTkLYzZ0q6LCDKw\n"), "no key of the ssh host 127.0.0.1:"},
		{server.OtherKey(), "has another key than the known one"},
	} {
		hosts := bytes.Clone(c.hosts)
		_, said, err := fetched(t, server.URL(repo), opened(t, access.Login{URL: server.URL(repo), SSH: true, Key: key, KnownHosts: hosts}))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%v\n%s", err, said)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `"ssh-keyscan -p `)):
			t.Errorf("%q: %v", c.hosts, err)
		}
	}
}

// TestTokens: what go-git, the git program and a step's git get is the token of
// that remote, and none for others on the same host.
func TestTokens(t *testing.T) {
	const token = "glpat-0123456789abcdef"
	repo := gittest.New(t)
	repo.Commit("one", map[string]string{"a": "b"})
	url := repo.ServeToken(token)
	host := strings.TrimSuffix(url, "/"+filepath.Base(repo.Dir))
	good := access.Login{URL: url, Token: token}

	if r, said, err := fetched(t, url, opened(t, access.Login{URL: host + "/other*", Token: "wrong"}, good)); err != nil || r.Tool != ToolGoGit {
		t.Fatalf("%+v, %v\n%s", r, err, said)
	}
	f := &fetcher{notes: newNotes(nil), access: opened(t, good)}
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("the git program is not installed")
	}
	if _, err := f.program(program, url).checkout(t.Context(), want{dir: filepath.Join(t.TempDir(), "w"), url: url, branch: "main", live: true}); err != nil {
		t.Errorf("the git program: %v", err)
	}
	if refs, _, err := (Remotes{Access: opened(t, good)}).Refs(t.Context(), "git", url); err != nil || refs["refs/heads/main"] != repo.Head() {
		t.Errorf("refs: %v, %v", refs, err)
	}
	if out, err := stepGit(t, opened(t, good), "ls-remote", url); err != nil || !strings.Contains(out, repo.Head()) {
		t.Errorf("a step: %v\n%s", err, out)
	}
	for _, c := range []struct {
		what   string
		logins []access.Login
		want   string
	}{
		{"with none", nil, "login"},
		{"with another path's", []access.Login{{URL: host + "/other*", Token: token}}, "login"},
		{"with a wrong one", []access.Login{{URL: host + "/*", Token: "wrong-wrong-wrong"}}, "login"},
		{"with one that could not be read", []access.Login{{URL: host + "/*", Problem: "the token: it is gone"}}, "the token: it is gone"},
	} {
		a := opened(t, c.logins...)
		_, said, err := fetched(t, url, a)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error()+said, "wrong-wrong") {
			t.Errorf("%s: %v\n%s", c.what, err, said)
		}
		if out, err := stepGit(t, a, "ls-remote", url); err == nil || strings.Contains(out, "wrong-wrong") {
			t.Errorf("%s, a step: %v\n%s", c.what, err, out)
		}
	}
}

// TestUsersHelper: git does not hand a build's token to a helper of the agent's
// user, which would keep it for others.
func TestUsersHelper(t *testing.T) {
	const token = "glpat-0123456789abcdef"
	repo := gittest.New(t)
	repo.Commit("one", map[string]string{"a": "b"})
	url := repo.ServeToken(token)
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[credential]\n\thelper = store\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	if out, err := stepGit(t, opened(t, access.Login{URL: url, Token: token}), "ls-remote", url); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if text, err := os.ReadFile(filepath.Join(home, ".git-credentials")); err == nil {
		t.Errorf("it is kept: %s", text)
	}
}

// TestMercurialLogins: hg logs in as git does, through http and ssh.
func TestMercurialLogins(t *testing.T) {
	const token = "glpat-0123456789abcdef"
	repo := hgtest.New(t)
	node := repo.Commit("one", map[string]string{"a": "b"})
	open, err := url.Parse(repo.Serve())
	if err != nil {
		t.Fatal(err)
	}
	path := open.Path
	open.Path = ""
	server := gittest.NewSSH(t)
	same := gittest.Open(t, repo.Dir)
	ssh := strings.Replace(server.URL(same), repo.Dir, "/"+repo.Dir, 1)
	web := gittest.BehindToken(t, token, httputil.NewSingleHostReverseProxy(open)) + path
	for remote, login := range map[string]access.Login{
		web: {URL: web, User: "robot", Token: token},
		ssh: {URL: ssh, SSH: true, Key: server.DeployKey(same), KnownHosts: server.KnownHosts},
	} {
		for _, a := range []*access.Access{opened(t, login), nil} {
			r, err := Fetch(t.Context(), filepath.Join(t.TempDir(), "workspace"), Source{VCS: "hg", URL: remote, Access: a}, t.Output())
			if (err == nil) != (a != nil) || a != nil && r.Revision != node {
				t.Errorf("%s, with a login %v: %+v, %v", remote, a != nil, r, err)
			}
			refs, _, err := Remotes{Access: a}.Refs(t.Context(), "hg", remote)
			if (err == nil) != (a != nil) || a != nil && refs["HEAD"] != node {
				t.Errorf("%s, with a login %v: refs %v, %v", remote, a != nil, refs, err)
			}
		}
	}
}

// TestUsersSSH: the user's own command for ssh is for what no key fits.
func TestUsersSSH(t *testing.T) {
	server := gittest.NewSSH(t)
	repo := gittest.New(t)
	repo.Commit("one", map[string]string{"a": "b"})
	a := opened(t, access.Login{URL: server.URL(repo), SSH: true, Key: server.DeployKey(repo), KnownHosts: server.KnownHosts})
	env := map[string]string{"GIT_SSH_COMMAND": `sh -c 'echo "own $*" >&2; exit 1' its "first 'word'"`}
	for url, want := range map[string]string{server.URL(repo): repo.Head(), "git@git.example.test:shop.git": "own first 'word' -o BatchMode=yes"} {
		cmd := exec.Command("git", "ls-remote", url)
		cmd.Env = os.Environ()
		for name, value := range a.Variables(env) {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("%s: %s", url, out)
		}
	}
}
