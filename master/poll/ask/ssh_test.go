package ask

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// keyring is Logins with one login for all.
type keyring struct{ Login }

func (k keyring) For(string) (Login, error) { return k.Login, nil }

// newKey is an ed25519 key: private in PEM, and public.
func newKey(t testing.TB) (private []byte, public ssh.PublicKey) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err = ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), public
}

func write(t testing.TB, file string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// serveSSH runs OpenSSH's server for one key and returns the URL that a path
// goes behind.
func serveSSH(t testing.TB) (url string, login keyring) {
	t.Helper()
	url, login, ok := tryServeSSH(t)
	if !ok {
		t.Skip("OpenSSH's server is not installed here, or does not run")
	}
	return url, login
}

func tryServeSSH(t testing.TB) (url string, login keyring, ok bool) {
	t.Helper()
	sshd := "/usr/sbin/sshd"
	me, err := user.Current()
	if _, errStat := os.Stat(sshd); errStat != nil || err != nil {
		return "", login, false
	}
	if os.Getuid() == 0 {
		_ = os.MkdirAll("/run/sshd", 0o755) // it wants to be able to separate privileges
	}
	dir, port := t.TempDir(), freePort(t)
	host, hostKey := newKey(t)
	other := filepath.Join(dir, "other") // a second key, which nobody knows
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", other).CombinedOutput(); err != nil {
		t.Logf("ssh-keygen: %s", out)
		return "", login, false
	}
	key, public := newKey(t)
	config := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPidFile none\nAcceptEnv GIT_PROTOCOL\n",
		port, other, write(t, filepath.Join(dir, "host"), host), write(t, filepath.Join(dir, "keys"), ssh.MarshalAuthorizedKey(public)))
	cmd := exec.Command(sshd, "-D", "-e", "-f", write(t, filepath.Join(dir, "config"), []byte(config)))
	if err := cmd.Start(); err != nil {
		return "", login, false
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	awaitPort(t, port)
	known := fmt.Sprintf("[127.0.0.1]:%d %s", port, ssh.MarshalAuthorizedKey(hostKey))
	login = keyring{Login{Key: key, KnownHosts: write(t, filepath.Join(dir, "known"), []byte(known))}}
	return fmt.Sprintf("ssh://%s@127.0.0.1:%d", me.Username, port), login, true
}

func sshAsker(t testing.TB, login Login) *Asker {
	a := newAsker(t)
	a.logins = keyring{login}
	return a
}

func TestGitOverSSH(t *testing.T) {
	url, login := serveSSH(t)
	r := newRepo(t)
	revision := r.commit()
	a := sshAsker(t, login.Login)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			answer, err := a.List(t.Context(), remote(url+r.dir, "HEAD"))
			if err != nil || answer.Refs["HEAD"] != revision || answer.Head != "refs/heads/main" {
				t.Errorf("%v, %v", answer, err)
			}
		})
	}
	all.Wait()
	conns := 0
	for _, c := range a.ssh.conns {
		conns += len(c)
	}
	if conns == 0 || conns > 5 {
		t.Errorf("20 questions left %d connections", conns)
	}
	if answer, err := a.List(t.Context(), remote(url+r.dir+"/it's none", "HEAD")); err == nil || !strings.Contains(err.Error(), "does not appear to be a git repository") {
		t.Errorf("no repository: %v, %v", answer, err)
	}
}

func TestSSHRefusesStrangers(t *testing.T) {
	url, login := serveSSH(t)
	r := newRepo(t)
	other, otherHost := newKey(t)
	dir := t.TempDir()
	host := strings.Fields(string(read(t, login.KnownHosts)))[0]
	for _, c := range []struct {
		name  string
		login Login
		want  string
	}{
		{"another key", Login{Key: other, KnownHosts: login.KnownHosts}, "does not take the key of the credential"},
		{"an unknown host", Login{Key: login.Key, KnownHosts: write(t, filepath.Join(dir, "empty"), nil)}, "is not known: check it and add it to " + dir},
		{"a changed host", Login{Key: login.Key, KnownHosts: write(t, filepath.Join(dir, "changed"),
			fmt.Appendf(nil, "%s %s", host, ssh.MarshalAuthorizedKey(otherHost)))}, "shows another key than the one in"},
		{"no key", Login{Key: []byte("S3CRET"), KnownHosts: login.KnownHosts}, "the key of the credential cannot be read"},
		{"no file", Login{Key: login.Key, KnownHosts: filepath.Join(dir, "none")}, "read the known hosts"},
	} {
		_, err := sshAsker(t, c.login).List(t.Context(), remote(url+r.dir, "HEAD"))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestSSHOutlivesItsServer: a connection whose server is gone is replaced, and
// one that hangs ends with the question.
func TestSSHOutlivesItsServer(t *testing.T) {
	url, login := serveSSH(t)
	r := newRepo(t)
	r.commit()
	a := sshAsker(t, login.Login)
	ask := func(ctx context.Context) error {
		_, err := a.List(ctx, remote(url+r.dir, "HEAD"))
		return err
	}
	if err := ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, conns := range a.ssh.conns {
		for _, c := range conns {
			_ = c.client.Close()
		}
	}
	if err := ask(t.Context()); err != nil {
		t.Errorf("after the connection was lost: %v", err)
	}
	at, err := parsePlace(url + r.dir)
	if err != nil {
		t.Fatal(err)
	}
	q := question{Remote: remote(url, "HEAD"), place: at, login: login.Login}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	err = a.ssh.run(ctx, q, "sleep 60", func(rw io.ReadWriter) error {
		_, err := rw.Read(make([]byte, 1))
		return err
	})
	if took := time.Since(began); err == nil || took > 30*time.Second {
		t.Errorf("a command that hangs: %v after %v", err, took)
	}
	if err := ask(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
