package peers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// wright is a master with its embedded etcd, which syncs to disk, and two agents.
type wright struct {
	b     *testing.B
	house *wrighttest.House
	ended int64  // no-op builds
	spoke string // the build that printed
}

func startWright(b *testing.B, fifo string) (system, string) {
	h := wrighttest.New(b)
	for name, step := range map[string]string{"noop": "true", "log": logStep, "tell": "echo runs >" + fifo} {
		h.Write(name, fmt.Sprintf("[[step]]\nrun = %q\n", step))
	}
	h.Master()
	h.Agent("one", "--slots", "16")
	h.Agent("two", "--slots", "16")
	for _, name := range []string{"noop", "log", "tell"} {
		h.Await("the manifest "+name, func() bool { i, err := h.Instance(name); return err == nil && i.InForce })
	}
	return &wright{b: b, house: h}, version(h)
}

func version(h *wrighttest.House) string {
	var v struct{ Version string }
	h.JSON(&v, "version")
	return v.Version
}

func (w *wright) noOps(n int) {
	if r := w.house.Run("build", "start", "noop", "--count", fmt.Sprint(n)); r.Status != 0 {
		w.b.Fatalf("start the builds: %s", r.Err)
	}
	w.ended += int64(n)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for late := time.Now().Add(10 * time.Minute); time.Now().Before(late); <-look.C {
		if w.live("queued")+w.live("assigned")+w.live("running") > 0 {
			continue
		}
		if i, err := w.house.Instance("noop"); err == nil && strings.HasSuffix(i.LastBuild, fmt.Sprint(w.ended)) {
			return
		}
	}
	w.b.Fatal("the builds do not end")
}

// live says whether there is a build in a state.
func (w *wright) live(state string) int {
	found, err := wrighttest.Ask(w.house, func(ctx context.Context, c *client.Client) ([]view.Build, error) {
		return c.Builds(ctx, "", state, 1)
	})
	if err != nil {
		return 1
	}
	return len(found)
}

func (w *wright) log() bool {
	b := w.house.AwaitEnd(w.house.Start("log").ID) // whose output the master has by then
	if b.State != "succeeded" {
		w.b.Fatalf("%+v", b)
	}
	w.spoke = b.ID
	return true
}

func (w *wright) tell() func() {
	started := w.house.Start("tell")
	return func() { w.house.AwaitEnd(started.ID) }
}

func (w *wright) processes() []int { return w.house.Processes() }

func (w *wright) stop() {
	if whole := len(w.house.Log(w.spoke)); whole != logBytes && !w.b.Failed() {
		w.b.Errorf("the master has %d bytes of the output, want %d", whole, logBytes)
	}
	w.house.StopAll()
}
