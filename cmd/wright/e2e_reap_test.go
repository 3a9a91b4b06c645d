package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/plugins/conformance"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// reaping has a master reap as often as it can.
func reaping(h *wrighttest.House, args ...string) *wrighttest.Process {
	return h.Master(append([]string{"--agent-lease", "3s", "--reap", "1s", "--reap-after", "1s"}, args...)...)
}

// forget removes the facts of AppServers by hand from the master's own etcd, as
// somebody may who restores an old backup. The master must not run.
func forget(t *testing.T, h *wrighttest.House, ids ...string) {
	t.Helper()
	e, err := store.Embed(t.Context(), filepath.Join(h.Data, "etcd"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	forgetAt(t, e.Client, ids...)
}

// forgetAt is forget at any etcd.
func forgetAt(t *testing.T, cli *clientv3.Client, ids ...string) {
	t.Helper()
	st := store.New(cli, slog.New(slog.DiscardHandler))
	if err := st.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	var drops []state.Write
	st.Read(func(f *state.Facts) {
		for _, id := range ids {
			drops = append(drops, f.AppServers[id].Put().Drop())
		}
		for _, a := range f.Actives {
			drops = append(drops, a.Put().Drop())
		}
	})
	if _, err := st.Commit(t.Context(), drops...); err != nil {
		t.Fatal(err)
	}
}

// unowned lists what wright reap list shows, as "KIND TOKEN STATE".
func unowned(h *wrighttest.House) (all []string) {
	var found []view.Unowned
	h.JSON(&found, "reap", "list")
	for _, u := range found {
		all = append(all, u.Kind+" "+u.Token+" "+u.State)
	}
	return all
}

func servers(h *wrighttest.House) int { return len(below(h, "one", "plugins/cloud-process/servers/*")) }

// TestReapForgotten: what providers of every kind hold of an AppServer that the
// facts have lost is gone after two looks; a persistent database stays.
func TestReapForgotten(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master := reaping(h)
	h.Agent("one")
	h.Manifest("shop", appServer(t, "hello", "",
		"[dns]", `provider = "hosts"`, `domain = "shop.example.test"`,
		"[[database]]", `provider = "sqlite"`, `name = "db"`,
		"[[database]]", `provider = "sqlite"`, `name = "kept"`, "persistent = true"))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	hosts := func() string {
		text, err := os.ReadFile(filepath.Join(h.AgentData("one"), "plugins", "dns-hosts", "hosts"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	databases := func(kind string) int {
		return len(below(h, "one", "plugins/database-sqlite/"+kind+"/*"))
	}
	if servers(h) != 1 || !strings.Contains(hosts(), "shop.example.test") || databases("ephemeral") != 1 || databases("persistent") != 1 {
		t.Fatalf("the build did not make all: %d servers, hosts %q", servers(h), hosts())
	}
	master.Stop()
	forget(t, h, "shop-000001.1")
	reaping(h)
	h.Await("everything that nobody owns to be gone", func() bool {
		return servers(h) == 0 && !strings.Contains(hosts(), "shop.example.test") && databases("ephemeral") == 0
	})
	if databases("persistent") != 1 {
		t.Error("the persistent database is gone")
	}
	h.Await("nothing to be listed", func() bool { return len(unowned(h)) == 0 })
	if said := master.Log(); strings.Count(said, "msg=reaped") < 3 {
		t.Errorf("the master's log names %d reaped things, want 3", strings.Count(said, "msg=reaped"))
	}
}

// TestReapHeldBack: where most is unowned nothing is reaped until a person
// allows it.
func TestReapHeldBack(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master := reaping(h)
	h.Agent("one")
	h.Manifest("shop", numbered(t, "keep = 5"))
	var ids, held []string
	for i := range 5 {
		h.AwaitState(h.Start("shop").ID, "succeeded")
		ids = append(ids, fmt.Sprintf("shop-%06d.1", i+1))
		held = append(held, "cloud "+ids[i]+" held back")
	}
	master.Stop()
	forget(t, h, ids[:4]...)
	reaping(h)
	wantHeld := func() bool { return fmt.Sprint(unowned(h)) == fmt.Sprint(held[:4]) }
	h.Await("it to be held back", wantHeld)
	for range 3 { // looks that find it due
		if r := h.Run("reap", "run"); r.Status != 0 || strings.Count(r.Out, "held back") != 4 {
			t.Fatalf("reap run: %d\n%s%s", r.Status, r.Out, r.Err)
		}
	}
	if servers(h) != 5 || !wantHeld() {
		t.Fatalf("%d servers are left of 5; listed: %v", servers(h), unowned(h))
	}
	if r := h.Run("reap", "run", "--provider", "cloud/process", "--force"); r.Status != 0 || strings.Count(r.Out, "ended") != 4 {
		t.Errorf("reap run --force: %d\n%s%s", r.Status, r.Out, r.Err)
	}
	h.Await("four servers to be gone", func() bool { return servers(h) == 1 })
	wantStates(t, h, "shop", "shop-000005.1 healthy active")
	if r := h.Run("reap", "run", "--provider", "cloud/nonesuch"); r.Status != exitFailed {
		t.Errorf("a provider that nobody has: %d %s", r.Status, r.Err)
	}
}

// lateCloud is the cloud "late" in a directory that all agents share: what
// agents are told of it, and what is there.
func lateCloud(t *testing.T, h *wrighttest.House, delay string) (flags []string, list func() []string) {
	t.Helper()
	front := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(front.Close)
	dir, settings := t.TempDir(), filepath.Join(h.Dir, "late.toml")
	text := fmt.Sprintf("[cloud-late]\ndir = %q\naddress = %q\ndelay = %q\n", dir, strings.TrimPrefix(front.URL, "http://"), delay)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags = []string{"--plugins", filepath.Dir(conformance.Build(t, "testdata/wright-cloud-late")), "--providers", settings}
	return flags, func() []string {
		all, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
}

const lateManifest = "[appserver]\ncloud = \"late\"\n"

// TestReapCreateAfterDelete: a cloud that makes a server after it was told to
// delete it leaves none behind.
func TestReapCreateAfterDelete(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	flags, list := lateCloud(t, h, "4s")
	reaping(h)
	h.Agent("one", flags...)
	h.Manifest("shop", lateManifest)
	h.Start("shop")
	h.Await("the cloud to be asked", func() bool { return len(list()) == 1 })
	if r := h.Run("build", "cancel", "shop-1"); r.Status != 0 {
		t.Fatalf("build cancel: %s", r.Err)
	}
	h.Await("the AppServer to be terminated", func() bool { return len(h.AppServers("shop")) == 0 })
	if len(list()) != 1 {
		t.Fatal("the cloud forgot what it was to make: this test proves nothing")
	}
	h.Await("the server to be reaped that came late", func() bool { return len(list()) == 0 })
}

// TestReapLostAgent: an agent is killed while the cloud makes a server, and
// never comes back: another one ends it, also when it comes late.
func TestReapLostAgent(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	flags, list := lateCloud(t, h, "8s")
	reaping(h)
	lost := h.Agent("one", flags...)
	h.Manifest("shop", lateManifest)
	h.Start("shop")
	h.Await("the cloud to be asked", func() bool { return len(list()) == 1 })
	lost.Kill()
	h.Agent("two", flags...)
	if b := h.AwaitState("shop-1", "succeeded"); b.Attempt != 2 || b.Agent != "two" {
		t.Errorf("%s: attempt %d by %s", b.ID, b.Attempt, b.Agent)
	}
	wantStates(t, h, "shop", "shop-000001.2 healthy active")
	h.Await("the lost server to be gone", func() bool { return len(list()) == 1 })
	if r := h.Run("appserver", "terminate", "shop-000001.2"); r.Status != 0 {
		t.Fatal(r.Err)
	}
	h.Await("everything to be gone", func() bool { return len(list()) == 0 && len(h.AppServers("shop")) == 0 })
	h.Agent("one", flags...) // tidies up its own disk
	h.Await("its builds to be gone", func() bool { return len(below(h, "one", "builds/*")) == 0 })
}

// TestForgetWhatIsOnAHostThatIsGone: what only a host that is gone could end
// waits for it, visibly, until a person gives it up; should the host come back,
// it is reaped.
func TestForgetWhatIsOnAHostThatIsGone(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	reaping(h)
	lost := h.Agent("one")
	h.Manifest("shop", appServer(t, "hello", ""))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	lost.Kill()
	h.Agent("two")
	if r := h.Run("appserver", "terminate", "--forget", "shop-000001.1"); r.Status != exitFailed {
		t.Errorf("a healthy one is given up: %d %s", r.Status, r.Out)
	}
	if r := h.Run("appserver", "terminate", "shop-000001.1"); r.Status != 0 {
		t.Fatal(r.Err)
	}
	h.Await("it to say whom it waits for", func() bool {
		all := h.AppServers("shop")
		return len(all) == 1 && all[0].State == "terminating" && all[0].Waiting == "for agent one, which is not connected"
	})
	if r := h.Run("appserver", "list"); !strings.Contains(r.Out, "waits for agent one") {
		t.Errorf("appserver list:\n%s", r.Out)
	}
	if r := h.Run("appserver", "terminate", "--forget", "shop-000001.1"); r.Status != 0 {
		t.Fatal(r.Err)
	}
	wantStates(t, h, "shop")
	if r := h.Run("appserver", "list", "--all"); !strings.Contains(r.Out, "a person gave it up") {
		t.Errorf("appserver list --all:\n%s", r.Out)
	}
	if servers(h) != 1 {
		t.Fatalf("%d servers are on the host that is gone, want 1", servers(h))
	}
	h.Agent("one")
	h.Await("the server to be reaped", func() bool { return servers(h) == 0 })
}
