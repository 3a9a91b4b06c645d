package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestLostAgent: the build of an agent that is gone for longer than its lease
// is done by another one as attempt 2, with that attempt's log only; when the
// old agent comes back it is refused, its step ended, and nothing of it left.
func TestLostAgent(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	gate := filepath.Join(h.Dir, "gate")
	h.Master("--agent-lease", "3s")
	lost := h.Agent("one")
	scatter, file := scattering(t, h, "pid")
	h.Manifest("shop", fmt.Sprintf("[[step]]\nname = \"work\"\nrun = '''echo attempt $WRIGHT_ATTEMPT\nif [ $WRIGHT_ATTEMPT = 1 ]; then\n%s\nfi\n%s'''\n", scatter, untilThere(gate)))
	h.Start("shop")
	hidden := awaitPID(h, file)
	lost.Kill()
	h.Agent("two")
	h.Await("attempt 2", func() bool { b, _ := h.Build("shop-1"); return b.Attempt == 2 && b.Phase == "step work" })
	if _, err := os.Stat(hidden); err != nil {
		t.Error("the step of the lost agent has ended before its agent was back")
	}
	h.Agent("one")
	h.Await("nothing of the lost attempt to be left", func() bool {
		_, err := os.Stat(hidden)
		return err != nil && len(below(h, "one", "builds/*")) == 0
	})
	open(t, gate)
	b := h.AwaitState("shop-1", "succeeded")
	if log := h.Log("shop-1"); b.Attempt != 2 || b.Agent != "two" || log != "attempt 2\n" {
		t.Errorf("%s: attempt %d by %s, log %q", b.ID, b.Attempt, b.Agent, log)
	}
}

// TestLostAppServer: the AppServer of a lost attempt is terminated when its
// agent is back; that of the next attempt stays.
func TestLostAppServer(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master("--agent-lease", "3s")
	lost := h.Agent("one")
	script := runScript(t, "$WRIGHT_ATTEMPT")
	h.Manifest("shop", appServer(t, "", "", "provision = '''\nif [ $WRIGHT_ATTEMPT = 1 ]; then exit; fi\n"+script+"'''"))
	loseServer(t, h, lost, "health")
}

// TestLostProvisioning: so is one that is being provisioned, with the step
// that does it.
func TestLostProvisioning(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master("--agent-lease", "3s")
	lost := h.Agent("one")
	h.Manifest("shop", appServer(t, "$WRIGHT_ATTEMPT", "if [ $WRIGHT_ATTEMPT = 1 ]; then sleep 1000; fi"))
	loseServer(t, h, lost, "step provision")
}

// loseServer kills the agent in a phase of attempt 1 of shop, waits for attempt
// 2, and then brings the agent back.
func loseServer(t *testing.T, h *wrighttest.House, lost *wrighttest.Process, phase string) {
	t.Helper()
	h.Start("shop")
	h.AwaitPhase("shop-1", phase)
	lost.Kill()
	h.Agent("two")
	if b := h.AwaitState("shop-1", "succeeded"); b.Attempt != 2 || b.Agent != "two" {
		t.Errorf("%s: attempt %d by %s", b.ID, b.Attempt, b.Agent)
	}
	h.Agent("one")
	wantStates(t, h, "shop", "shop-000001.2 healthy active")
	h.Await("nothing of the lost attempt to be left", func() bool {
		return len(below(h, "one", "builds/*")) == 0 && len(below(h, "one", "plugins/cloud-process/servers/*")) == 0
	})
	wantAnswer(t, h, "shop", http.StatusOK, "2")
}

// below lists what is there of a pattern in an agent's directory, be it dev's.
func below(h *wrighttest.House, agent, pattern string) (all []string) {
	for _, root := range []string{h.Dir, h.Data} {
		found, _ := filepath.Glob(filepath.Join(root, "agents", agent, pattern))
		all = append(all, found...)
	}
	return all
}

// TestSilentAgent: an agent that hangs and then goes on is taken for gone
// meanwhile, and takes up work again afterwards.
func TestSilentAgent(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master("--agent-lease", "3s")
	agent := h.Agent("one")
	h.Manifest("shop", "[[step]]\nname = \"work\"\nrun = '''echo attempt $WRIGHT_ATTEMPT; [ $WRIGHT_ATTEMPT = 2 ] || sleep 1000'''\n")
	h.Start("shop")
	h.AwaitPhase("shop-1", "step work")
	frozen(agent, func() {
		h.Await("the build to be taken back", func() bool { b, _ := h.Build("shop-1"); return b.Attempt == 2 })
	})
	if b := h.AwaitState("shop-1", "succeeded"); b.Attempt != 2 {
		t.Errorf("%s: attempt %d", b.ID, b.Attempt)
	}
	if log := h.Log("shop-1"); log != "attempt 2\n" {
		t.Errorf("log: %q", log)
	}
}

// frozen does something while a process stands still.
func frozen(p *wrighttest.Process, do func()) {
	p.Signal(syscall.SIGSTOP)
	defer p.Signal(syscall.SIGCONT)
	do()
}
