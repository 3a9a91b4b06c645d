package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestKilledBeforeStoring: kill -9 of the master between the end of a build and its
// output's being in the bucket loses nothing, not even with the master's disk: the
// agent keeps its copy until then. After that the disk may go again.
func TestKilledBeforeStoring(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	bucket := filepath.Join(h.Dir, "bucket")
	config := filepath.Join(h.Dir, "master.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "[storage]\nurl = \"file://%s\"\n", bucket), 0o600); err != nil {
		t.Fatal(err)
	}
	master := h.Master("--config", config)
	agent := h.Agent("one")
	h.Manifest("loud", "[[step]]\nname = \"shout\"\nrun = \"seq 1 100000; echo kept > kept\"\n[artifacts]\npaths = [\"kept\"]\n")
	h.Manifest("quiet", "[[step]]\nrun = \"echo a word\"\n")
	loud := h.AwaitState(h.Start("loud").ID, "succeeded")
	objects := func(instance string) (found int) {
		_ = filepath.WalkDir(bucket, func(path string, d fs.DirEntry, _ error) error {
			if d != nil && !d.IsDir() && strings.Contains(path, "/logs/"+instance+"/") && d.Name() == "output.zst" {
				found++
			}
			return nil
		})
		return found
	}
	h.Await("the output to be in the bucket", func() bool { return objects("loud") > 0 })

	aside := bucket + ".away"
	if err := os.Rename(bucket, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bucket, nil, 0o600); err != nil { // in the way
		t.Fatal(err)
	}
	quiet := h.AwaitState(h.Start("quiet").ID, "succeeded") // the facts do not wait
	master.Kill()
	agent.Kill()
	lose := func() { // the disk
		for _, dir := range []string{"logs", "artifacts"} {
			if err := os.RemoveAll(filepath.Join(h.Data, dir)); err != nil {
				t.Fatal(err)
			}
		}
	}
	lose()
	held := wrighttest.Size(h.AgentData("one"))
	if err := os.Remove(bucket); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, bucket); err != nil {
		t.Fatal(err)
	}
	master = h.Master("--config", config)
	if r := h.Run("build", "log", quiet.ID); r.Status != 1 || r.Out != "" || !strings.Contains(r.Err, "not here yet") {
		t.Errorf("the output that only the agent has, while it is away: status %d, %q, %s", r.Status, r.Out, r.Err)
	}
	followed := h.Go("build", "log", quiet.ID, "--follow")
	h.Agent("one")
	if r := followed(); r.Status != 0 || r.Out != "a word\n" {
		t.Errorf("followed until it came: status %d, %q, %s", r.Status, r.Out, r.Err)
	}
	h.Await("the output to be in the bucket", func() bool { return objects("quiet") > 0 })
	h.Await("the agent to forget what it kept", func() bool { return wrighttest.Size(h.AgentData("one")) < held })

	master.Kill()
	lose()
	h.Master("--config", config)
	if got := h.Log(quiet.ID); got != "a word\n" {
		t.Errorf("of the build that ended while the bucket was away: %q", got)
	}
	if got := h.Run("build", "log", loud.ID, "--lines", "99999:"); got.Out != "99999\n100000\n" {
		t.Errorf("its last two lines: %q %s", got.Out, got.Err)
	}
	if got := h.Run("build", "log", loud.ID, "--tail", "1"); got.Out != "100000\n" {
		t.Errorf("its last line: %q %s", got.Out, got.Err)
	}
	if all := h.Run("build", "artifacts", loud.ID); !strings.Contains(all.Out, "kept") {
		t.Errorf("its artifacts are %s %s", all.Out, all.Err)
	}
	into := filepath.Join(h.Dir, "into")
	if r := h.Run("build", "artifacts", loud.ID, "--into", into); r.Status != 0 {
		t.Fatalf("its artifacts: %s", r.Err)
	}
	if text, err := os.ReadFile(filepath.Join(into, "kept")); err != nil || string(text) != "kept\n" {
		t.Errorf("its artifact: %q, %v", text, err)
	}
}
