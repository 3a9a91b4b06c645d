package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// cancelled are manifests of all sorts of builds to be cancelled: what they do
// for ever is following a file in the house.
func cancelled(never string) map[string]string {
	hang := fmt.Sprintf("tail -F %s 2>/dev/null", never)
	return map[string]string{
		"plain":   fmt.Sprintf("[[step]]\nrun = '''%s & %s & mkdir -p a/b && %s'''\n", hang, hang, hang),
		"shell":   fmt.Sprintf("[[step]]\nshell = [\"/bin/sh\", \"-c\"]\nrun = '''trap '' TERM INT HUP; (trap '' TERM; %s) & wait'''\n", hang),
		"locked":  fmt.Sprintf("[[lock]]\nname = \"one\"\n[[step]]\nrun = '''%s'''\n", hang),
		"agently": fmt.Sprintf("[[lock]]\nname = \"each\"\nscope = \"agent\"\n[[step]]\nrun = '''%s'''\n", hang),
		"alone":   fmt.Sprintf("max-parallel = 1\n[[step]]\nsilence = \"1h\"\nrun = '''%s'''\n", hang),
		"always":  fmt.Sprintf("[[lock]]\nname = \"one\"\n[[step]]\nrun = '''%s'''\n[[step]]\nwhen = \"always\"\nrun = '''sleep 0.05; echo after'''\n", hang),
		"twice":   fmt.Sprintf("[[step]]\nrun = '''%s'''\n[[step]]\nwhen = \"always\"\nrun = '''%s'''\n", hang, hang),
		"fails":   fmt.Sprintf("timeout = \"1h\"\n[[step]]\nrun = '''sleep 0.1; exit 1'''\n[[step]]\nwhen = \"on-failure\"\ntimeout = \"1h\"\nrun = '''%s'''\n", hang),
		"quick":   "[[step]]\nrun = '''sleep 0.1'''\n[artifacts]\npaths = [\"*\"]\nwhen = \"always\"\n",
	}
}

// TestCancelAtAnyMoment: whenever builds of all sorts are cancelled, no process,
// directory, lock or slot of them is left, and none of them comes back, not even
// when everybody was killed. WRIGHT_TEST_CANCELS says how many; WRIGHT_TEST_SEED
// repeats the moments of another run.
func TestCancelAtAnyMoment(t *testing.T) {
	t.Parallel()
	number := func(name string, other uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
			return n
		}
		return other
	}
	seed := number("WRIGHT_TEST_SEED", rand.Uint64())
	t.Logf("WRIGHT_TEST_SEED=%d", seed)
	h := wrighttest.New(t)
	master := h.Master()
	agents := []*wrighttest.Process{h.Agent("one", "--slots", "3"), h.Agent("two", "--slots", "2")}
	all := cancelled(filepath.Join(h.Dir, "never"))
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range all {
			if !yield(name) {
				return
			}
		}
	})
	for _, name := range names {
		h.Manifest(name, all[name])
	}
	h.AwaitState(h.Start("quick").ID, "succeeded") // the agents' own processes are there
	atRest := len(h.Processes())

	left := make(chan uint64, number("WRIGHT_TEST_CANCELS", 40))
	for n := range cap(left) {
		left <- uint64(n)
	}
	close(left)
	var mu sync.Mutex
	ends := map[string]string{} // state by build
	var workers sync.WaitGroup
	for range 7 { // more than there are slots: some wait in the queue
		workers.Go(func() {
			for n := range left {
				if t.Failed() {
					return
				}
				r := rand.New(rand.NewPCG(seed, n))
				b := cancelSome(t, h, names[r.IntN(len(names))], r)
				mu.Lock()
				ends[b.ID] = b.State
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if t.Failed() {
		return
	}
	nothingLeft(t, h, 2, atRest)
	master.Kill()
	for _, a := range agents {
		a.Kill()
	}
	h.Master()
	h.Agent("one", "--slots", "3")
	h.Agent("two", "--slots", "2")
	h.AwaitState(h.Start("quick").ID, "succeeded")
	nothingLeft(t, h, 2, atRest)
	for id, state := range ends {
		if b, err := h.Build(id); err != nil || b.State != state || b.Attempt != 1 {
			t.Errorf("%s, which was %s, is %s at attempt %d: %v", id, state, b.State, b.Attempt, err)
		}
	}
	for _, name := range []string{"locked", "agently", "alone"} { // what they wait for is free
		id := h.Start(name).ID
		h.AwaitState(id, "running")
		h.Run("build", "cancel", id)
		h.AwaitState(id, "cancelled")
	}
}

// cancelSome starts a build, cancels it at some moment, and returns how it ended.
func cancelSome(t *testing.T, h *wrighttest.House, name string, r *rand.Rand) view.Build {
	started, err := wrighttest.Ask(h, func(ctx context.Context, c *client.Client) (view.Build, error) {
		return c.StartBuild(ctx, client.Start{Instance: name})
	})
	if err != nil {
		t.Error(err)
		return started
	}
	most := []int{3, 30, 300}[r.IntN(3)] * 1000
	again := time.NewTimer(time.Duration(r.IntN(most)) * time.Microsecond)
	defer again.Stop()
	for late := time.Now().Add(3 * time.Minute); ; {
		<-again.C
		b, err := cancelOnce(h, started.ID)
		switch {
		case err != nil:
			t.Errorf("cancel %s: %v", started.ID, err)
			return b
		case b.Ended():
			if b.State != "cancelled" && name != "quick" {
				t.Errorf("%s was cancelled, and is %s: %s", b.ID, b.State, b.Error)
			}
			return b
		case time.Now().After(late):
			t.Errorf("%s is still %s, at %q", b.ID, b.State, b.Phase)
			return b
		}
		again.Reset(time.Duration(50+r.IntN(200)) * time.Millisecond) // and once more
	}
}

// cancelOnce cancels a build, and tells how it is then.
func cancelOnce(h *wrighttest.House, id string) (view.Build, error) {
	return wrighttest.Ask(h, func(ctx context.Context, c *client.Client) (view.Build, error) {
		_, refused := c.CancelBuild(ctx, id, "")
		b, err := c.Build(ctx, id)
		if err == nil && refused != nil && !b.Ended() {
			err = refused
		}
		return b, err
	})
}

// nothingLeft wants no process but those that were there, no build under way, no
// directory of one, and agents that are free.
func nothingLeft(t *testing.T, h *wrighttest.House, agents, atRest int) {
	t.Helper()
	h.Await("nothing to be left", func() bool {
		all, err := wrighttest.Ask(h, func(ctx context.Context, c *client.Client) ([]view.Agent, error) { return c.Agents(ctx) })
		if err != nil || len(all) != agents || slices.ContainsFunc(all, func(a view.Agent) bool { return a.Running > 0 }) {
			return false
		}
		return len(below(h, "*", "builds/*")) == 0 && len(live(h)) == 0 && len(h.Processes()) <= atRest
	})
}
