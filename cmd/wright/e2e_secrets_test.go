package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// Two instances with a deploy key each: neither can fetch with the other's, and
// nobody sees a key in a command line, a log, etcd or what is left.
func TestEachBuildHasItsOwnKeys(t *testing.T) {
	server := gittest.NewSSH(t)
	shop, blog := gittest.New(t), gittest.New(t)
	shop.Commit("shop", map[string]string{"name": "shop"})
	blog.Commit("blog", map[string]string{"name": "blog"})
	keys := map[string][]byte{"shop": server.DeployKey(shop), "blog": server.DeployKey(blog)}
	elsewhere := t.TempDir()
	for name, text := range map[string][]byte{"shop": keys["shop"], "blog": keys["blog"], "hosts": server.KnownHosts} {
		if err := os.WriteFile(filepath.Join(elsewhere, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := wrighttest.New(t)
	config := filepath.Join(h.Dir, "master.toml")
	text := fmt.Sprintf(`
[[credential]]
url = %q
key = "secret:shop-key"
known-hosts = "%[3]s/hosts"
instances = ["shop"]

[[credential]]
url = %[2]q
key = "file:%[3]s/blog"
known-hosts = "%[3]s/hosts"
instances = ["blog"]
`, server.URL(shop), server.URL(blog), elsewhere)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dev := h.Dev("--config", config, "--log-level", "debug")
	if r := h.Run("secret", "set", "shop-key", "--file", filepath.Join(elsewhere, "shop")); r.Status != 0 || r.Out != "" {
		t.Fatalf("secret set: %+v", r)
	}
	var kept []view.Secret
	if h.JSON(&kept, "secret", "list"); len(kept) != 1 || kept[0].Name != "shop-key" {
		t.Errorf("kept are %v", kept)
	}
	manifest := "[source]\ngit = %q\nbranch = \"main\"\n[[step]]\nrun = '''\ncat name\ngit fetch origin main\n%s\n'''\n"
	h.Manifest("shop", fmt.Sprintf(manifest, server.URL(shop), "cat ../logins/*"))
	h.Manifest("blog", fmt.Sprintf(manifest, server.URL(blog), "if git ls-remote "+server.URL(shop)+"; then exit 1; fi"))
	h.Manifest("thief", fmt.Sprintf(manifest, server.URL(shop), ""))

	var logs strings.Builder
	for _, instance := range []string{"shop", "blog"} {
		id := h.AwaitState(h.Start(instance).ID, "succeeded").ID
		log := h.WholeLog(id)
		if logs.WriteString(log); !strings.Contains(log, "\n"+instance) {
			t.Errorf("%s:\n%s", id, log)
		}
	}
	if !strings.Contains(logs.String(), "***") {
		t.Errorf("the key was not even tried:\n%s", logs.String())
	}
	if b := h.AwaitState(h.Start("thief").ID, "errored"); b.Error == "" {
		t.Errorf("the thief: %+v", b)
	}
	h.Await("the agent to clear up", func() bool {
		left, err := filepath.Glob(filepath.Join(h.Data, "agents", "*", "builds", "*", "logins"))
		return err == nil && len(left) == 0
	})
	seen := server.Seen() + logs.String() + dev.Log()
	for name, key := range keys {
		for line := range bytes.Lines(key) {
			if line = bytes.TrimSpace(line); len(line) < 16 || bytes.HasPrefix(line, []byte("-----")) || bytes.HasPrefix(line, []byte("b3BlbnNzaC1rZXktdjE")) {
				continue
			}
			if strings.Contains(seen, string(line)) {
				t.Errorf("the key of %s was seen", name)
			}
			for _, file := range filesWith(t, h.Dir, line) {
				t.Errorf("the key of %s is in %s", name, file)
			}
		}
	}
	if r := h.Run("secret", "delete", "shop-key"); r.Status != 0 {
		t.Errorf("secret delete: %+v", r)
	}
	if b := h.AwaitState(h.Start("shop").ID, "errored"); !strings.Contains(b.Error, "secret:shop-key: not found") {
		t.Errorf("without its key: %s", b.Error)
	}
}

// filesWith lists the files below dir that hold something.
func filesWith(t *testing.T, dir string, what []byte) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // it may be gone by now
		}
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, what) {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A manifest names secrets in the environment of steps: the build that may have
// them gets them, its log shows stars, and they are kept nowhere in clear. So is
// the password that Wright makes for a database.
func TestManifestsNameSecrets(t *testing.T) {
	h := wrighttest.New(t)
	dev := h.Dev("--log-level", "debug")
	const value = "hunter2-hunter2-hunter2"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := h.Run("secret", "set", "token", "--file", file, "--instance", "shop"); r.Status != 0 {
		t.Fatalf("secret set: %+v", r)
	}
	const manifest = `
[[step]]
name = "use"
run = 'test ${#TOKEN} = 23 && echo "it is $TOKEN" && test -n "$WRIGHT_DATABASE_MAIN_URL"'
env = {TOKEN = "secret:token"}
[[database]]
provider = "sqlite"
name = "main"
`
	h.Manifest("shop", manifest)
	h.Manifest("thief", manifest)
	h.Manifest("lost", strings.ReplaceAll(manifest, "secret:token", "secret:nothing"))

	id := h.AwaitState(h.Start("shop").ID, "succeeded").ID
	if log := h.WholeLog(id); !strings.Contains(log, "it is ***") || strings.Contains(log, value) {
		t.Errorf("the log:\n%s", log)
	}
	for instance, says := range map[string]string{
		"thief": `the secret "token" is not for instance thief: wright secret set token --instance thief`,
		"lost":  `the manifest names the secret "nothing", and there is none: wright secret set nothing --instance lost`,
	} {
		if b := h.AwaitState(h.Start(instance).ID, "errored"); !strings.Contains(b.Error, says) {
			t.Errorf("%s: %s", instance, b.Error)
		}
	}
	if strings.Contains(dev.Log(), value) {
		t.Error("it is in the log of the processes")
	}
	h.Await("the agent to clear up", func() bool {
		left, err := filepath.Glob(filepath.Join(h.Data, "agents", "*", "builds", "*", "secrets"))
		return err == nil && len(left) == 0
	})
	if files := filesWith(t, h.Dir, []byte(value)); len(files) > 0 {
		t.Errorf("it is in %v", files)
	}
}
