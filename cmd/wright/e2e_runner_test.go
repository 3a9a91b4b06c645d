package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// sandboxes are what is noted and what is there of an agent's sandboxes.
func sandboxes(h *wrighttest.House, agent string) (all []string) {
	for _, pattern := range []string{"sandboxes/*/*", "plugins/runner-local/sandboxes/*.json"} {
		found, _ := filepath.Glob(filepath.Join(h.AgentData(agent), pattern))
		all = append(all, found...)
	}
	return all
}

// pidFrom waits for a step to have written a process ID.
func pidFrom(h *wrighttest.House, file string) (pid int) {
	h.Await("a process ID in "+file, func() bool {
		text, _ := os.ReadFile(file)
		line, whole := strings.CutSuffix(string(text), "\n")
		var err error
		pid, err = strconv.Atoi(line)
		return whole && err == nil
	})
	return pid
}

// TestSandboxSurvivesAndEnds: steps run through the runner of the manifest. kill
// -9 of the agent in the middle takes nothing from the build, and neither its
// end nor its cancellation leaves a sandbox or a process in it.
func TestSandboxSurvivesAndEnds(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	agent := h.Agent("one")
	gate := filepath.Join(h.Dir, "gate")
	ids, pids := map[string]string{}, map[string]int{}
	for _, name := range []string{"ends", "cancelled"} {
		file := filepath.Join(h.Dir, name+".pid")
		h.Manifest(name, fmt.Sprintf(`[runner]
provider = "local"
[[step]]
name = "leave"
run = '''
test -n "$WRIGHT_SANDBOX"
env -u WRIGHT_STEP_ID -u WRIGHT_STEP_SUPERVISOR setsid sh -c 'echo $$ > %[1]s; exec sleep 1000' > /dev/null 2>&1 &
%[2]s
%[3]s
echo done
'''
[[step]]
name = "after"
run = 'test -n "$WRIGHT_SANDBOX" && echo after'
`, file, untilThere(file), untilThere(gate)))
		ids[name] = h.Start(name).ID
		pids[name] = pidFrom(h, file)
	}
	agent.Kill()
	if got := sandboxes(h, "one"); len(got) != 4 {
		t.Errorf("without an agent there are %q", got)
	}
	h.Agent("one")
	if r := h.Run("build", "cancel", ids["cancelled"]); r.Status != 0 {
		t.Fatalf("cancel: %d %s", r.Status, r.Err)
	}
	h.AwaitState(ids["cancelled"], "cancelled")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if b := h.AwaitState(ids["ends"], "succeeded"); b.Attempt != 1 {
		t.Errorf("it took %d attempts", b.Attempt)
	}
	if got := h.Log(ids["ends"]); got != "done\nafter\n" {
		t.Errorf("log: %q", got)
	}
	if got := sandboxes(h, "one"); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
	for name, pid := range pids {
		if err := syscall.Kill(pid, 0); err == nil {
			t.Errorf("%s: process %d is left: %s", name, pid, wrighttest.CommandLine(pid))
		}
	}
}

// TestLostSandboxEnds: what an agent left of a build that cannot be taken up
// ends with its next start.
func TestLostSandboxEnds(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	agent := h.Agent("one")
	file := filepath.Join(h.Dir, "pid")
	h.Manifest("shop", fmt.Sprintf("[runner]\nprovider = \"local\"\n[[step]]\nrun = '''[ -e %s ] || { echo $$ > %[1]s; exec sleep 1000; }'''\n", file))
	id := h.Start("shop").ID
	pid := pidFrom(h, file)
	agent.Kill()
	if err := os.Remove(filepath.Join(h.AgentData("one"), "builds", id+".1", "journal")); err != nil {
		t.Fatal(err)
	}
	h.Agent("one")
	h.Await("the process to end", func() bool { return syscall.Kill(pid, 0) != nil })
	if b := h.AwaitState(id, "succeeded"); b.Attempt != 2 {
		t.Errorf("attempt %d", b.Attempt)
	}
	h.Await("no sandbox to be left", func() bool { return len(sandboxes(h, "one")) == 0 })
}

// TestWrongTableEndsABuildAtOnce: before any step, and says what is wrong.
func TestWrongTableEndsABuildAtOnce(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev("--slots", "2")
	file := filepath.Join(h.Dir, "ran")
	h.Manifest("shop", "[[step]]\nrun = '''touch "+file+"'''\n"+numbered(t, "[appserver.process]", `port = "http"`, "colour = 7"))
	b := h.AwaitState(h.Start("shop").ID, "errored")
	for _, want := range []string{"appserver.process.port: is a string, want a whole number", "appserver.process.colour: there is no such key"} {
		if !strings.Contains(b.Error, want) {
			t.Errorf("the build says %q, want %q", b.Error, want)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("its step has run")
	}
}

// TestConsoleIsShown: of an AppServer that does not get healthy the log shows
// what it wrote.
func TestConsoleIsShown(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev("--slots", "2")
	h.Manifest("shop", strings.Replace(numbered(t, `provision = '''
printf '#!/bin/sh\necho no licence\nsleep 1000\n' > "$WRIGHT_APPSERVER_DIR/run.new"
chmod +x "$WRIGHT_APPSERVER_DIR/run.new"
mv "$WRIGHT_APPSERVER_DIR/run.new" "$WRIGHT_APPSERVER_DIR/run"
'''`), "30s", "1s", 1))
	id := h.Start("shop").ID
	h.AwaitState(id, "failed")
	if text := h.WholeLog(id); !strings.Contains(text, "| no licence\n") {
		t.Errorf("the log:\n%s", text)
	}
}
