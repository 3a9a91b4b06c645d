package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestDrainForARestart: an agent that is drained for a restart of its host gets
// nothing new and finishes what it builds; drain --wait ends when it has. It is
// still drained after it, and the master, were started again, also while it is
// away, and gets work when that is taken back.
func TestDrainForARestart(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	gate := filepath.Join(h.Dir, "gate")
	master := h.Master()
	agent := h.Agent("one")
	h.Manifest("shop", fmt.Sprintf("[[step]]\nname = \"work\"\nrun = '''%s'''\n", untilThere(gate)))
	h.Start("shop")
	h.AwaitPhase("shop-1", "step work")
	waited := h.Go("agent", "drain", "one", "--wait")
	h.Await("it to be drained", func() bool {
		return agentNamed(h, "one").Why == "drained; it still builds shop-000001"
	})
	h.Start("shop")
	open(t, gate)
	if r := waited(); r.Status != 0 || !strings.Contains(r.Out, "nothing left to build") {
		t.Errorf("drain --wait: status %d: %s%s", r.Status, r.Out, r.Err)
	}
	h.AwaitState("shop-1", "succeeded")

	agent.Stop()
	h.Await("it to be away", func() bool { return agentNamed(h, "one").State == "away" })
	master.Kill()
	h.Master()
	h.Agent("one")
	if a := agentNamed(h, "one"); a.State != "draining" || a.Why != "drained, and has nothing left to build" || a.Running > 0 {
		t.Errorf("after the restart it is %+v", a)
	}
	if r := h.Run("agent", "drain", "one", "--undo", "--wait"); r.Status != 0 {
		t.Errorf("drain --undo --wait: status %d: %s", r.Status, r.Err)
	}
	h.AwaitState("shop-2", "succeeded")
}

// TestDrainWithADeadline: what a drained agent has not finished at its deadline
// is done elsewhere, its step ended and nothing of it left.
func TestDrainWithADeadline(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	h.Agent("one")
	h.Manifest("shop", "[[step]]\nname = \"work\"\nrun = '''echo attempt $WRIGHT_ATTEMPT; [ $WRIGHT_ATTEMPT = 2 ] || sleep 1000'''\n")
	h.Start("shop")
	h.AwaitPhase("shop-1", "step work")
	if r := h.Run("agent", "drain", "one", "--wait", "--deadline", "1s"); r.Status != 0 {
		t.Fatalf("drain --wait --deadline: status %d: %s", r.Status, r.Err)
	}
	if b, err := h.Build("shop-1"); err != nil || b.State != "queued" || b.Attempt != 2 {
		t.Errorf("after the deadline it is %+v, %v", b, err)
	}
	h.Await("nothing of it to be left", func() bool { return len(below(h, "one", "builds/*")) == 0 })
	h.Agent("two")
	b := h.AwaitState("shop-1", "succeeded")
	if log := h.Log("shop-1"); b.Agent != "two" || log != "attempt 2\n" {
		t.Errorf("done by %s, log %q", b.Agent, log)
	}
}

// TestAgentListSaysWhy: agent list says why each agent is idle.
func TestAgentListSaysWhy(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	h.Agent("plain")
	h.Agent("big", "--pool", "large")
	says := func(want ...string) {
		t.Helper()
		h.Await(fmt.Sprintf("agent list to say %q", want), func() bool {
			out := h.Run("agent", "list").Out
			for _, w := range want {
				if !strings.Contains(out, w) {
					return false
				}
			}
			return true
		})
	}
	says("no build waits")
	h.Manifest("shop", "build-requires = [\"oracle >= 9\"]\n[[step]]\nrun = \"true\"\n")
	h.Start("shop")
	says("for shop-000001 it lacks oracle >= 9", "for shop-000001 it takes only builds for the pool large")
}
