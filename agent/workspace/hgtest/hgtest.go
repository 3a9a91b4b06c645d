// Package hgtest makes real Mercurial repositories for tests, with the hg
// program. It knows nothing of Wright.
package hgtest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Repo is a repository with a work tree in a temporary directory of a test.
type Repo struct {
	Dir string
	t   testing.TB
}

// New makes an empty repository. The test is skipped where hg is missing.
func New(t testing.TB) *Repo {
	t.Helper()
	if _, err := exec.LookPath("hg"); err != nil {
		t.Skip("the hg program is not installed (Debian: apt-get install mercurial)")
	}
	r := &Repo{Dir: t.TempDir(), t: t}
	r.Hg("init")
	return r
}

// Open is the repository whose work tree is dir.
func Open(t testing.TB, dir string) *Repo { return &Repo{Dir: dir, t: t} }

func (r *Repo) command(args ...string) *exec.Cmd {
	cmd := exec.Command("hg", append([]string{"--noninteractive"}, args...)...)
	cmd.Dir = r.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.Dir, "LC_ALL=C.UTF-8", "HGRCPATH=", "HGPLAIN=1", "HGUSER=Ann <ann@example.test>"}
	return cmd
}

// Hg runs hg in the repository and returns its output, trimmed.
func (r *Repo) Hg(args ...string) string {
	r.t.Helper()
	out, err := r.command(args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("hg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Commit writes files, path to content, commits and returns the node.
func (r *Repo) Commit(message string, files map[string]string) string {
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
	r.Hg("addremove", "-q")
	r.Hg("commit", "-q", "-m", message)
	return r.Head()
}

// Head is the node that is checked out.
func (r *Repo) Head() string {
	r.t.Helper()
	return r.Hg("log", "-r", ".", "-T", "{node}")
}

// Serve serves the repository with hg serve on loopback until the test ends and
// returns its http:// address.
func (r *Repo) Serve() string {
	r.t.Helper()
	cmd := r.command("serve", "--address=127.0.0.1", "--port=0", "--prefix=/repo", "--print-url", "--config", "web.push_ssl=no")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		r.t.Fatalf("hg serve does not say where: %v", err)
	}
	return strings.TrimSuffix(strings.TrimSpace(line), "/")
}
