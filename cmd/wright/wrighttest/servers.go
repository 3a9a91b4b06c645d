package wrighttest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The servers below are those that people use, from Debian's packages. A test
// is skipped where one is not installed; `make packages` installs them all.

// GitDaemon serves the repositories below a directory with git daemon, and
// returns the URL of that directory.
func GitDaemon(t testing.TB, base string) string {
	t.Helper()
	port := freePort(t)
	listening(t, port, nil, need(t, "git"), "daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1", "--port="+port, "--base-path="+base, base)
	return "git://127.0.0.1:" + port
}

// Nginx serves the repositories below a directory with git http-backend behind
// nginx, and returns the URL of that directory.
func Nginx(t testing.TB, base string) string {
	t.Helper()
	nginx, wrap := need(t, "nginx"), need(t, "fcgiwrap")
	backend, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), freePort(t)
	socket := filepath.Join(dir, "cgi")
	conf := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log %[1]s/error.log; %[2]s
events {}
http {
  access_log off; client_max_body_size 0;
  client_body_temp_path %[1]s/body; fastcgi_temp_path %[1]s/fastcgi; proxy_temp_path %[1]s/proxy; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  server {
    listen 127.0.0.1:%[3]s;
    location / {
      fastcgi_pass unix:%[4]s;
      fastcgi_param SCRIPT_FILENAME %[5]s/git-http-backend;
      fastcgi_param GIT_HTTP_EXPORT_ALL "";
      fastcgi_param GIT_PROJECT_ROOT %[6]s;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;
    }
  }
}
`, dir, asRoot("user root;"), port, socket, strings.TrimSpace(string(backend)), base)
	write(t, filepath.Join(dir, "nginx.conf"), conf)
	start(t, nil, wrap, "-c", "4", "-s", "unix:"+socket)
	listening(t, port, nil, nginx, "-e", filepath.Join(dir, "error.log"), "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	return "http://127.0.0.1:" + port
}

func asRoot(s string) string {
	if os.Geteuid() == 0 {
		return s
	}
	return ""
}

// SSH is an OpenSSH server that lets one deploy key read and write the git
// repositories of this machine.
type SSH struct {
	URL        string // of the root directory
	Key        string // file with the private key
	KnownHosts string // file with the server's key
}

// OpenSSH serves git over ssh. The shell that it starts for each session takes
// itself for one within another, and so leaves out what the user's .bashrc does:
// accounts of git have none.
func OpenSSH(t testing.TB) SSH {
	t.Helper()
	sshd, keygen := need(t, "sshd"), need(t, "ssh-keygen")
	dir, port := t.TempDir(), freePort(t)
	for _, name := range []string{"host", "deploy"} {
		if out, err := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	write(t, filepath.Join(dir, "authorized"), `restrict,command="git-shell -c \"$SSH_ORIGINAL_COMMAND\"" `+read(t, filepath.Join(dir, "deploy.pub")))
	write(t, filepath.Join(dir, "known_hosts"), fmt.Sprintf("[127.0.0.1]:%s %s", port, read(t, filepath.Join(dir, "host.pub"))))
	write(t, filepath.Join(dir, "sshd.conf"), fmt.Sprintf(`ListenAddress 127.0.0.1
Port %s
HostKey %s/host
AuthorizedKeysFile %s/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
PidFile none
SetEnv SHLVL=9
`, port, dir, dir))
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where sshd locks itself in
			t.Fatal(err)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	listening(t, port, nil, sshd, "-D", "-e", "-f", filepath.Join(dir, "sshd.conf"))
	return SSH{
		URL: fmt.Sprintf("ssh://%s@127.0.0.1:%s", me.Username, port),
		Key: filepath.Join(dir, "deploy"), KnownHosts: filepath.Join(dir, "known_hosts"),
	}
}

// HgServe serves a Mercurial repository with hg serve.
func HgServe(t testing.TB, repo string) string {
	t.Helper()
	port := freePort(t)
	listening(t, port, []string{"HGRCPATH=", "HGPLAIN=1"}, need(t, "hg"), "serve", "-R", repo, "-a", "127.0.0.1", "-p", port)
	return "http://127.0.0.1:" + port
}

// need is the path of a program; the test is skipped where it is missing.
func need(t testing.TB, program string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed: make packages", program)
	return ""
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// listening starts a server and waits until it takes connections.
func listening(t testing.TB, port string, env []string, program string, args ...string) {
	t.Helper()
	gone, said := start(t, env, program, args...)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-look.C {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-gone:
			t.Fatalf("%s ended:\n%s", program, read(t, said))
		default:
		}
	}
	t.Fatalf("%s does not listen:\n%s", program, read(t, said))
}

// start starts a program that ends with the test. gone is closed when it has
// ended; what it says is in the file said.
func start(t testing.TB, env []string, program string, args ...string) (gone <-chan struct{}, said string) {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), filepath.Base(program))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		select {
		case <-ended: // its ID may be another's by now
		default:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		<-ended
	})
	return ended, out.Name()
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
