package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// scattering is a step that leaves processes of the worst kind, and the file
// in which it writes the ID of the best hidden one.
func scattering(t *testing.T, h *wrighttest.House, name string) (step, file string) {
	t.Helper()
	file = filepath.Join(h.Dir, name)
	return fmt.Sprintf("sleep 1000 &\n%s", wrighttest.Task(t, "scatter "+file)), file
}

// awaitPID is the process that a scattering step has hidden.
func awaitPID(h *wrighttest.House, file string) (proc string) {
	h.Await("the step to hide a process", func() bool {
		pid, err := os.ReadFile(file)
		proc = "/proc/" + string(pid)
		return err == nil && len(pid) > 0
	})
	return proc
}

// wantGone wants a process to have ended, and to be reaped some time.
func wantGone(t *testing.T, h *wrighttest.House, proc string) {
	t.Helper()
	h.Await("the hidden process to be reaped", func() bool {
		stat, err := os.ReadFile(proc + "/stat")
		if err == nil && !strings.Contains(string(stat), ") Z ") {
			t.Errorf("the hidden process is left: %s", stat)
		}
		return err != nil || t.Failed()
	})
}

// TestCancelEndsTheWholeTree: build cancel ends a build with all its processes,
// also those that have left their session and their parent.
func TestCancelEndsTheWholeTree(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	step, file := scattering(t, h, "pid")
	h.Dev()
	h.Manifest("shop", fmt.Sprintf("[[step]]\nname = \"scatter\"\nrun = '''%s'''\n[[step]]\nrun = \"echo never\"\n", step))
	wait := h.Go("build", "start", "shop", "--wait")
	hidden := awaitPID(h, file)
	if r := h.Run("build", "cancel", "shop-1"); r.Status != 0 {
		t.Fatalf("build cancel: status %d, %s", r.Status, r.Err)
	}
	h.AwaitState("shop-1", "cancelled")
	wantGone(t, h, hidden)
	if r := wait(); r.Status != 1 || !strings.Contains(r.Err, "cancelled") {
		t.Errorf("build start --wait: status %d, %s", r.Status, r.Err)
	}
	if r := h.Run("build", "cancel", "shop-1"); r.Status != 1 {
		t.Errorf("build cancel of a cancelled build: status %d", r.Status)
	}
	if log := h.Log("shop-1"); strings.Contains(log, "never") {
		t.Errorf("the next step ran: %q", log)
	}
}

// TestCancelReachesAnAgentThatWasAway: a build cancelled while its agent is
// dead ends as cancelled when the agent is back, with all its processes.
func TestCancelReachesAnAgentThatWasAway(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	step, file := scattering(t, h, "pid")
	h.Master()
	agent := h.Agent("one")
	h.Manifest("shop", fmt.Sprintf("[[step]]\nrun = '''%s'''\n", step))
	h.Start("shop")
	hidden := awaitPID(h, file)
	agent.Kill()
	if r := h.Run("build", "cancel", "shop-1"); r.Status != 0 {
		t.Fatalf("build cancel: status %d, %s", r.Status, r.Err)
	}
	h.Agent("one")
	h.AwaitState("shop-1", "cancelled")
	wantGone(t, h, hidden)
}

// TestCancelEverywhere: a build is cancelled while it is queued, fetches,
// provisions its AppServer, or waits for its health; nothing of it stays.
func TestCancelEverywhere(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	never, asked := filepath.Join(h.Dir, "never"), make(chan struct{}, 100)
	remote := slowRemote(t, never, asked)
	t.Cleanup(func() { open(t, never) })
	h.Dev("--slots", "3")
	h.Manifest("fetches", fmt.Sprintf("[source]\ngit = %q\nbranch = \"main\"\n", remote))
	h.Manifest("provisions", appServer(t, "one", untilThere(never)))
	h.Manifest("ails", strings.Replace(appServer(t, "two", ""), `"/"`, `"/missing"`, 1))
	h.Manifest("queues", "build-requires = [\"nothing-has-this\"]\n[[step]]\nrun = \"true\"\n")
	for _, name := range []string{"fetches", "provisions", "ails", "queues"} {
		h.Start(name)
	}
	h.AwaitPhase("provisions-1", "step provision")
	h.AwaitPhase("ails-1", "health")
	<-asked
	for _, name := range []string{"fetches", "provisions", "ails", "queues"} {
		if r := h.Run("build", "cancel", name+"-1"); r.Status != 0 {
			t.Errorf("cancel %s: status %d, %s", name, r.Status, r.Err)
		}
		h.AwaitState(name+"-1", "cancelled")
	}
	for _, name := range []string{"provisions", "ails"} {
		wantStates(t, h, name)
	}
}

// TestTimeoutEndsTheWholeTree: a step that takes longer than its timeout fails
// its build and is ended with all its processes.
func TestTimeoutEndsTheWholeTree(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	step, file := scattering(t, h, "pid")
	h.Dev()
	h.Manifest("shop", fmt.Sprintf("[[step]]\nname = \"slow\"\ntimeout = \"5s\"\nrun = '''%s'''\n", step))
	b := h.AwaitState(h.Start("shop").ID, "failed")
	if !strings.Contains(b.Error, "slow") || !strings.Contains(b.Error, "timeout of 5s") {
		t.Errorf("its error: %q", b.Error)
	}
	wantGone(t, h, awaitPID(h, file))
}

// TestStepLeavesNoProcess: what a step that succeeds has left running is ended
// with it.
func TestStepLeavesNoProcess(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	step, file := scattering(t, h, "pid")
	h.Dev()
	h.Manifest("shop", fmt.Sprintf("[[step]]\nrun = '''%s &\nwhile [ ! -s '%s' ]; do sleep 0.02; done'''\n", step, file))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	wantGone(t, h, awaitPID(h, file))
}

// TestWaitingBuildSaysWhy: a build that no agent can take waits, build show
// says what is lacking, and it is built when an agent comes that has it.
func TestWaitingBuildSaysWhy(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	h.Manifest("shop", "build-requires = [\"oracle >= 9\"]\n[[step]]\nrun = \"true\"\n")
	b := h.Start("shop")
	says := func(words ...string) {
		t.Helper()
		for _, args := range [][]string{{"build", "show", b.ID}, {"instance", "show", "shop"}} {
			shown := ""
			h.Await(fmt.Sprintf("%s to say %q", strings.Join(args, " "), words), func() bool {
				shown = h.Run(args...).Out
				for _, w := range words {
					if !strings.Contains(shown, w) {
						return false
					}
				}
				return true
			})
		}
	}
	says("no agent is connected")
	h.Agent("plain")
	says("plain lacks oracle >= 9")
	h.Agent("old", "--capability", "oracle 8.1")
	says("old lacks oracle >= 9")
	h.Agent("new", "--capability", "oracle 11")
	if b := h.AwaitState(b.ID, "succeeded"); b.Agent != "new" {
		t.Errorf("built by %s", b.Agent)
	}
}
