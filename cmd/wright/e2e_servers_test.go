package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// A push to each of the servers that people use starts a build, which fetches
// what was pushed.
func TestServersStartBuilds(t *testing.T) {
	t.Run("git daemon", func(t *testing.T) {
		repo := gittest.New(t)
		pushStartsBuild(t, "git", wrighttest.GitDaemon(t, repo.Dir)+"/.git", "main", repo.Commit)
	})
	t.Run("nginx", func(t *testing.T) {
		repo := gittest.New(t)
		pushStartsBuild(t, "git", wrighttest.Nginx(t, repo.Dir)+"/.git", "main", repo.Commit)
	})
	t.Run("openssh", func(t *testing.T) {
		repo, ssh := gittest.New(t), wrighttest.OpenSSH(t)
		pushStartsBuild(t, "git", ssh.URL+repo.Dir, "main", repo.Commit, fmt.Sprintf(`
[[credential]]
url = "ssh://*"
key = "file:%s"
known-hosts = %q
instances = ["shop"]
`, ssh.Key, ssh.KnownHosts))
	})
	t.Run("hg serve", func(t *testing.T) {
		dir := t.TempDir()
		commit := func(message string, files map[string]string) string { return hgCommit(t, dir, message, files) }
		commit("first", map[string]string{"version": "0"})
		pushStartsBuild(t, "hg", wrighttest.HgServe(t, dir), "default", commit)
	})
}

// pushStartsBuild wants a build of each of two commits to be made because of it.
func pushStartsBuild(t *testing.T, vcs, url, branch string, commit func(string, map[string]string) string, config ...string) {
	t.Helper()
	h := wrighttest.New(t)
	args := []string{"--poll", "500ms"}
	for _, text := range config {
		file := filepath.Join(h.Dir, "master.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", file)
	}
	commit("one", map[string]string{"version": "1"})
	h.Dev(args...)
	h.Manifest("shop", fmt.Sprintf("[source]\n%s = %q\nbranch = %q\n[[step]]\nrun = \"cat version\"\n", vcs, url, branch))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	for i := 2; i <= 3; i++ {
		pushed := time.Now()
		revision := commit("more", map[string]string{"version": fmt.Sprint(i)})
		id := fmt.Sprintf("shop-%06d", i)
		h.Await(id, func() bool { b, err := h.Build(id); return err == nil && b.Ended() })
		b := h.AwaitState(id, "succeeded")
		t.Logf("%s from the push to the build, each remote being asked every 500 ms", b.StartedAt.Sub(pushed))
		if b.Kind != "change" || b.Revisions[url] != revision || h.Log(id) != fmt.Sprint(i) {
			t.Errorf("%s is a build because of %s of %v, which says %q; want a change to %s, %d", id, b.Kind, b.Revisions, h.Log(id), revision, i)
		}
	}
}

// hgCommit commits files to a Mercurial repository, which is made if need be.
func hgCommit(t testing.TB, dir, message string, files map[string]string) string {
	t.Helper()
	hg := func(args ...string) string {
		cmd := exec.Command("hg", append([]string{"-R", dir}, args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "HGRCPATH=", "HGPLAIN=1", "HGUSER=Ann")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("hg %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if _, err := exec.LookPath("hg"); err != nil {
		t.Skip("hg is not installed: make packages")
	}
	if _, err := os.Stat(filepath.Join(dir, ".hg")); err != nil {
		hg("init", dir)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	hg("commit", "-q", "-A", "-m", message)
	return hg("log", "-r", ".", "-T", "{node}")
}
