package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// TestLaptopThatSlept: an agent whose whole host slept past its lease, with its
// supervisor and its steps, is lost meanwhile, and its build is done elsewhere. It
// wakes in the middle of everything: its step goes on and succeeds at once, and
// nothing that it says of it is believed. Then it is clean and takes work again.
func TestLaptopThatSlept(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	beat, gate := filepath.Join(h.Dir, "beat"), filepath.Join(h.Dir, "gate")
	h.Master("--agent-lease", "3s")
	h.Agent("laptop")
	h.Manifest("shop", fmt.Sprintf("[[step]]\nname = \"work\"\nrun = '''echo attempt $WRIGHT_ATTEMPT\n"+
		"[ $WRIGHT_ATTEMPT = 2 ] || while [ ! -e '%s' ]; do echo x >> '%s'; sleep 0.01; done\necho end of $WRIGHT_ATTEMPT'''\n", gate, beat))
	h.Start("shop")
	h.AwaitPhase("shop-1", "step work")
	awaitBeat(h, beat, "")

	wake := asleep(t, h, "laptop")
	h.Agent("other")
	h.AwaitState("shop-1", "succeeded")
	if a := agentNamed(h, "laptop"); a.State != "lost" || a.Connected() || a.Why == "" {
		t.Errorf("while it sleeps it is %+v", a)
	}
	open(t, gate)
	wake()
	h.Await("it to be back and clean", func() bool {
		return agentNamed(h, "laptop").State == "idle" && len(below(h, "laptop", "builds/*")) == 0
	})
	b, _ := h.Build("shop-1")
	if log := h.Log("shop-1"); b.Attempt != 2 || b.Agent != "other" || log != "attempt 2\nend of 2\n" {
		t.Errorf("%s: attempt %d by %s, log %q", b.ID, b.Attempt, b.Agent, log)
	}
	if r := h.Run("agent", "drain", "other"); r.Status != 0 {
		t.Fatal(r.Err)
	}
	h.Manifest("next", "[[step]]\nrun = \"true\"\n")
	h.Start("next")
	if b := h.AwaitState("next-1", "succeeded"); b.Agent != "laptop" {
		t.Errorf("the next build ran on %s", b.Agent)
	}
}

// agentNamed is an agent as the command line lists it; one without a name if it
// is not known.
func agentNamed(h *wrighttest.House, name string) view.Agent {
	var all []view.Agent
	h.JSON(&all, "agent", "list")
	for _, a := range all {
		if a.Name == name {
			return a
		}
	}
	return view.Agent{}
}

// asleep stops all processes of an agent's host where they are: the agent, its
// supervisor, its steps. What is returned wakes them.
func asleep(t *testing.T, h *wrighttest.House, agent string) (wake func()) {
	t.Helper()
	all := map[int]bool{}
	for more := true; more; { // what was just being started, too
		more = false
		for _, pid := range h.Processes() {
			if !all[pid] && onHost(pid, h.AgentData(agent)) && syscall.Kill(pid, syscall.SIGSTOP) == nil {
				all[pid], more = true, true
			}
		}
	}
	if len(all) < 3 {
		t.Fatalf("only %d processes of %s are there", len(all), agent)
	}
	awake := func() {
		for pid := range all {
			_ = syscall.Kill(pid, syscall.SIGCONT) // the step's children may have ended
		}
		clear(all)
	}
	t.Cleanup(awake)
	return awake
}

// onHost says whether a process belongs to the agent with that directory.
func onHost(pid int, dir string) bool {
	if strings.Contains(wrighttest.CommandLine(pid)+"/", dir+"/") || strings.Contains(wrighttest.CommandLine(pid), dir+" ") {
		return true
	}
	env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return bytes.Contains(env, []byte(dir+"/"))
}
