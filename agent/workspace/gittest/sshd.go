package gittest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// SSH is a real OpenSSH server on loopback, with deploy keys: each opens one
// repository.
type SSH struct {
	KnownHosts []byte // its key

	t    testing.TB
	dir  string
	port int
	keys int
}

// NewSSH starts a server, which ends with the test. The test is skipped where
// OpenSSH is missing.
func NewSSH(t testing.TB) *SSH {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		if sshd = "/usr/sbin/sshd"; !fileExists(sshd) {
			t.Skip("sshd is not installed (Debian: openssh-server)")
		}
	}
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not installed (Debian: openssh-client)")
	}
	s := &SSH{t: t, dir: t.TempDir(), port: (&Repo{t: t}).freePort()}
	host := s.keygen("host")
	s.KnownHosts = fmt.Appendf(nil, "[127.0.0.1]:%d %s", s.port, host)
	if os.Geteuid() == 0 { // sshd wants it, and Debian makes it when the service starts
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Skipf("sshd cannot be run: %v", err)
		}
	}
	s.write("authorized_keys", "")
	s.write("config", fmt.Sprintf("ListenAddress 127.0.0.1\nPort %d\nHostKey %s/host\nPidFile none\nUsePAM no\nStrictModes no\n"+
		"AuthorizedKeysFile %[2]s/authorized_keys\nPasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 100\nAcceptEnv GIT_PROTOCOL\n",
		s.port, s.dir))
	cmd := exec.Command(sshd, "-D", "-e", "-f", filepath.Join(s.dir, "config"))
	said := &bytes.Buffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("sshd:\n%s", said)
		}
	})
	(&Repo{t: t}).awaitPort(s.port)
	return s
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (s *SSH) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// keygen makes a key pair in a file and returns the public line.
func (s *SSH) keygen(name string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path).CombinedOutput(); err != nil {
		s.t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	line, err := os.ReadFile(path + ".pub")
	if err != nil {
		s.t.Fatal(err)
	}
	return string(line)
}

// OtherKey is the public line of a host that is none.
func (s *SSH) OtherKey() []byte {
	s.keys++
	return fmt.Appendf(nil, "[127.0.0.1]:%d %s", s.port, s.keygen(fmt.Sprintf("other-%d", s.keys)))
}

// DeployKey makes a key that opens one repository, be it Mercurial's. What
// others see of the processes of this machine meanwhile is kept for Seen.
func (s *SSH) DeployKey(r *Repo) []byte {
	s.t.Helper()
	s.keys++
	name := fmt.Sprintf("key-%d", s.keys)
	public := s.keygen(name)
	script := s.write(name+".sh", fmt.Sprintf(`#!/bin/sh
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >>'%s/seen' 2>/dev/null
case "$SSH_ORIGINAL_COMMAND" in
"git-upload-pack '%[2]s'") exec git-upload-pack '%[2]s' ;;
"hg -R %[2]s serve --stdio") exec hg -R '%[2]s' serve --stdio ;;
esac
echo "this key is not for $SSH_ORIGINAL_COMMAND" >&2
exit 1
`, s.dir, r.Dir))
	keys, err := os.OpenFile(filepath.Join(s.dir, "authorized_keys"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer keys.Close()
	fmt.Fprintf(keys, "restrict,command=\"%s\" %s", script, public)
	private, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return private
}

// Seen is what everybody on the machine saw whenever somebody fetched.
func (s *SSH) Seen() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "seen"))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// URL is the address of a repository on the server.
func (s *SSH) URL(r *Repo) string {
	s.t.Helper()
	u, err := user.Current()
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", u.Username, s.port, r.Dir)
}

// ServeToken is ServeHTTP for those who show the token as their password.
func (r *Repo) ServeToken(token string) string {
	r.t.Helper()
	backend := &cgi.Handler{
		Path: filepath.Join(r.Git("--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(r.Dir), "GIT_HTTP_EXPORT_ALL=1", "HOME=" + r.Dir},
	}
	return BehindToken(r.t, token, backend) + "/" + filepath.Base(r.Dir)
}

// BehindToken serves what those get who show the token as their password, and
// returns its address. A token that others can see fails the test.
func BehindToken(t testing.TB, token string, next http.Handler) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, password, _ := req.BasicAuth(); password != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "a token is wanted", http.StatusUnauthorized)
			return
		}
		if strings.Contains(processes(), token) {
			t.Error("the token stands in a command line or an environment")
		}
		next.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// processes is what others see of the processes of this machine.
func processes() string {
	var all strings.Builder
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			text, _ := os.ReadFile(f)
			all.Write(text)
		}
	}
	return all.String()
}
