package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/client"
)

// TestBackup: a backup is taken while one build has ended, one runs and one is
// queued; the master is killed and its data are gone. The restored master has them
// all, the one that ran ends without having been begun again, the other is done, and
// nothing new is called like what happened after the backup. Then the facts move to a
// cluster, where all goes on.
func TestBackup(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	gate := filepath.Join(h.Dir, "gate")
	master := h.Master()
	h.Agent("one", "--slots", "1")
	h.Manifest("quick", "[[step]]\nrun = \"echo done\"\n")
	h.Manifest("slow", fmt.Sprintf("[[step]]\nname = \"work\"\nrun = '''echo begins\n%s\necho ends'''\n", untilThere(gate)))
	identity, recipient := ageIdentity(t, h.Dir)
	secret := filepath.Join(h.Dir, "secret")
	writeFile(t, secret, "hunter2")
	well(t, h, "secret", "set", "pass", "--file", secret)
	ended := h.AwaitEnd(h.Start("quick").ID)
	running := h.Start("slow")
	h.AwaitPhase(running.ID, "step work")
	queued := h.Start("slow")
	file := filepath.Join(h.Dir, "backup")
	if r := h.Run("master", "backup", file); r.Status != exitFailed {
		t.Errorf("a backup with the key of the secrets in clear, unasked: status %d", r.Status)
	}
	well(t, h, "master", "backup", file, "--recipient", recipient)
	after := h.Start("quick")
	master.Kill()

	if err := os.RemoveAll(h.Data); err != nil {
		t.Fatal(err)
	}
	h.Data = filepath.Join(h.Dir, "restored")
	well(t, h, "master", "restore", file, "--data", h.Data, "--identity", identity)
	master = h.Master()
	var refused *client.Error
	if _, err := h.Build(after.ID); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Errorf("a build that was asked for after the backup: %v", err)
	}
	open(t, gate)
	if b := h.AwaitState(running.ID, "succeeded"); b.Attempt != 1 || h.Log(b.ID) != "begins\nends\n" {
		t.Errorf("the build that ran is at attempt %d, log %q", b.Attempt, h.Log(b.ID))
	}
	if b := h.AwaitState(queued.ID, "succeeded"); b.Attempt != 2 || h.Log(b.ID) != "begins\nends\n" {
		t.Errorf("the build that was queued is at attempt %d, log %q", b.Attempt, h.Log(b.ID))
	}
	if b, err := h.Build(ended.ID); err != nil || b.State != "succeeded" || h.Log(b.ID) != "done\n" {
		t.Errorf("the build that had ended: %+v, %v", b, err)
	}
	next := h.AwaitState(h.Start("quick").ID, "succeeded")
	if next.Number <= after.Number {
		t.Errorf("%s was called so before", next.ID)
	}
	well(t, h, "secret", "set", "pass", "--file", secret) // with the key that came back

	master.Stop()
	cluster := etcdCluster(t, h)
	well(t, h, "master", "move-to-cluster", "--data", h.Data, "--etcd-endpoints", cluster)
	h.Master("--etcd-endpoints", cluster)
	for _, id := range []string{ended.ID, running.ID, next.ID} {
		h.Await(id+" in the cluster", func() bool { b, err := h.Build(id); return err == nil && b.State == "succeeded" })
	}
	last := 0
	h.Await("a build over the cluster", func() bool { last = h.Run("build", "start", "quick", "--wait").Status; return last == exitDone })
	well(t, h, "master", "backup", file+"-2", "--recipient", recipient)
	if len(h.Builds("quick")) != 3 {
		t.Errorf("builds are %+v", h.Builds("quick"))
	}
}

// TestBackupThatBreaksOff: a master that dies while it sends a backup, and something
// between that hides it, leave no file that looks like one.
func TestBackupThatBreaksOff(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]func(w http.ResponseWriter){
		"aborted": func(w http.ResponseWriter) {
			_, _ = w.Write([]byte("\x28\xb5\x2f\xfd"))
			panic(http.ErrAbortHandler)
		},
		"cut off": func(w http.ResponseWriter) { _, _ = w.Write([]byte("\x28\xb5\x2f\xfd")) },
		"empty":   func(http.ResponseWriter) {},
	} {
		far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { how(w) }))
		t.Cleanup(far.Close)
		c, err := client.New(far.URL, "")
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if _, err := fetchBackup(t.Context(), c, client.Backup{}, filepath.Join(dir, "b")); err == nil {
			t.Errorf("%s: it ends well", name)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: left are %v", name, left)
		}
	}
}

// well runs a command that must end well.
func well(t *testing.T, h *wrighttest.House, args ...string) {
	t.Helper()
	if r := h.Run(args...); r.Status != exitDone {
		t.Fatalf("wright %v: status %d\n%s", args, r.Status, r.Err)
	}
}

// ageIdentity makes an identity of age, in a file.
func ageIdentity(t *testing.T, dir string) (file, recipient string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "identity")
	writeFile(t, file, identity.String()+"\n")
	return file, identity.Recipient().String()
}

// etcdCluster is an etcd that belongs to no master; it ends after all of them.
func etcdCluster(t *testing.T, h *wrighttest.House) (endpoint string) {
	t.Helper()
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel = filepath.Join(h.Dir, "cluster"), "fatal"
	at := url.URL{Scheme: "unix", Path: filepath.Join(h.Dir, "c")}
	cfg.ListenPeerUrls, cfg.ListenClientUrls = nil, []url.URL{at}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.StopAll(); e.Close() })
	return at.String()
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
