// Package gittest makes real git repositories for tests, with the git program.
// It knows nothing of Wright.
package gittest

import (
	"fmt"
	"net"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Repo is a repository with a work tree in a temporary directory of a test.
type Repo struct {
	Dir string
	t   testing.TB
}

// New makes an empty repository whose branch is main. options go to git init,
// like "--object-format=sha256". The test is skipped where git is missing.
func New(t testing.TB, options ...string) *Repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the git program is not installed")
	}
	r := &Repo{Dir: t.TempDir(), t: t}
	r.Git(append([]string{"init", "-q", "-b", "main", "--template="}, options...)...)
	r.Git("config", "uploadpack.allowFilter", "true")
	return r
}

// Open is the repository whose work tree is dir.
func Open(t testing.TB, dir string) *Repo { return &Repo{Dir: dir, t: t} }

// URL is the file:// address of the repository.
func (r *Repo) URL() string { return "file://" + r.Dir }

// Git runs the git program in the repository and returns its output, trimmed.
// No configuration but the repository's own counts.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = r.Dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.Dir, "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.test",
		"GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.test",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Write writes files, path to content, into the work tree.
func (r *Repo) Write(files map[string]string) {
	r.t.Helper()
	for name, content := range files {
		full := filepath.Join(r.Dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
}

// Commit writes files, path to content, and commits all that changed in the
// work tree on the current branch, be it nothing. It returns the commit.
func (r *Repo) Commit(message string, files map[string]string) string {
	r.t.Helper()
	r.Write(files)
	r.Git("add", "-A")
	r.Git("commit", "-q", "--allow-empty", "-m", message)
	return r.Head()
}

// Head is the commit of HEAD.
func (r *Repo) Head() string {
	r.t.Helper()
	return r.Git("rev-parse", "HEAD")
}

// Branch switches to the branch name, making it at HEAD when it does not exist.
func (r *Repo) Branch(name string) {
	r.t.Helper()
	if r.Git("branch", "--list", name) != "" {
		r.Git("switch", "-q", name)
		return
	}
	r.Git("switch", "-q", "-c", name)
}

// Tag makes an annotated tag of HEAD.
func (r *Repo) Tag(name string) {
	r.t.Helper()
	r.Git("tag", "-a", "-m", name, name)
}

// AddSubmodule adds the repository at url, which may be relative to this one's
// address, as a submodule at path, and commits. branch "" pins it. It returns
// the commit.
func (r *Repo) AddSubmodule(url, path, branch string) string {
	r.t.Helper()
	r.Git("remote", "add", "origin", r.URL()) // what relative URLs are relative to
	args := []string{"submodule", "--quiet", "add"}
	if branch != "" && branch != "." {
		args = append(args, "-b", branch)
	}
	r.Git(append(args, "--", url, path)...)
	r.Git("remote", "remove", "origin")
	if branch == "." {
		r.Git("config", "-f", ".gitmodules", "submodule."+path+".branch", ".")
	}
	return r.Commit("add submodule "+path, nil)
}

// Serve serves the repository with git daemon on loopback until the test ends
// and returns its git:// address. The test is skipped where there is no daemon.
func (r *Repo) Serve() string {
	r.t.Helper()
	program := filepath.Join(r.Git("--exec-path"), "git-daemon")
	if _, err := os.Stat(program); err != nil {
		r.t.Skip("git daemon is not installed")
	}
	port := r.freePort()
	cmd := exec.Command(program, "--listen=127.0.0.1", fmt.Sprintf("--port=%d", port), "--reuseaddr",
		"--export-all", "--informative-errors", "--base-path="+filepath.Dir(r.Dir))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.Dir}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	r.awaitPort(port)
	return fmt.Sprintf("git://127.0.0.1:%d/%s", port, filepath.Base(r.Dir))
}

// ServeHTTP serves the repository over smart HTTP on loopback until the test
// ends and returns its http:// address.
func (r *Repo) ServeHTTP() string {
	r.t.Helper()
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(r.Git("--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(r.Dir), "GIT_HTTP_EXPORT_ALL=1", "HOME=" + r.Dir},
	})
	r.t.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(r.Dir)
}

func (r *Repo) freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (r *Repo) awaitPort(port int) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-tick.C {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("git daemon does not answer: %v", err)
		}
	}
}
