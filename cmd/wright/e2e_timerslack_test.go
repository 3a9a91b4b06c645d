package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestTimerSlack: the timers of masters, agents and supervisors may be late;
// those of a step, of a plugin and of an AppServer may not be later than usual.
func TestTimerSlack(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	h.Agent("one")
	h.Manifest("shop", "[[step]]\nrun = \"cat /proc/self/timerslack_ns\"\n"+appServer(t, "hello", ""))
	id := h.Start("shop").ID
	h.AwaitState(id, "succeeded")
	if log := h.Log(id); !strings.Contains(log, "50000\n") {
		t.Errorf("the step says\n%s", log)
	}
	if os.Getuid() != 0 {
		return // may not look at others
	}
	seen := map[string]int{}
	for _, pid := range h.Processes() {
		slack, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", pid))
		line := wrighttest.CommandLine(pid)
		if err != nil || line == "" {
			continue // it has ended
		}
		want := "50000"
		for _, own := range []string{" master run ", " agent run ", " internal-supervise "} {
			if strings.Contains(line, own) {
				want = "1000000"
			}
		}
		seen[want]++
		if got := strings.TrimSpace(string(slack)); got != want {
			t.Errorf("process %d has %s ns, not %s: %s", pid, got, want, line)
		}
	}
	if seen["1000000"] != 3 || seen["50000"] < 2 {
		t.Errorf("seen are %v", seen)
	}
}
