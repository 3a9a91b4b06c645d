package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestStoppedMaster: a master that is stopped in good order in the middle of
// builds takes nothing from them, as if it had been killed.
func TestStoppedMaster(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master := h.Master()
	h.Agent("one")
	crash(t, h, master.Stop, func() { h.Master() })
}

// TestStoppedAgent: an agent that is stopped in good order takes nothing from
// its builds; the next one takes them up.
func TestStoppedAgent(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Master()
	agent := h.Agent("one")
	crash(t, h, agent.Stop, func() { h.Agent("one") })
}

// TestStoppedDev: so does a whole wright dev.
func TestStoppedDev(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	dev := h.Dev("--slots", "4")
	crash(t, h, dev.Stop, func() { h.Dev("--slots", "4") })
}

// TestKilledTwice: master and agent are killed at once, started again and
// killed again at once, and nothing is taken from builds.
func TestKilledTwice(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master, agent := h.Master(), h.Agent("one")
	kill := func() { master.Kill(); agent.Kill() }
	crash(t, h, kill, func() {
		master, agent = h.Master(), h.Agent("one")
		kill()
		h.Master()
		h.Agent("one")
	})
}

// TestIdleDevLeavesOnlyAppServers: a wright dev that is stopped while nothing is
// built leaves AppServers up, and no process else; started again, it leads to
// them at once.
func TestIdleDevLeavesOnlyAppServers(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	dev := h.Dev()
	h.Manifest("shop", appServer(t, "hello", ""))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	server := h.AppServers("shop")[0].Address
	dev.Stop()
	h.Await("only the AppServer to be left", func() bool {
		for _, pid := range h.Processes() {
			if line := wrighttest.CommandLine(pid); strings.Contains(line, "internal-supervise") || strings.Contains(line, "wright dev") {
				return false
			}
		}
		return true
	})
	if status, body := h.VisitAt("http://"+server, server); status != 200 || body != "hello" {
		t.Errorf("the AppServer of a stopped dev answers %d %q", status, body)
	}
	h.Dev()
	if status, body := h.Visit("shop"); status != 200 || body != "hello" {
		t.Errorf("at once after the start the AppServer answers %d %q", status, body)
	}
}

// TestKilledInFullSpate: whatever of master and agent is killed while a step
// writes as fast as it can, the log is exact in the end.
func TestKilledInFullSpate(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"master", "agent", "both"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			const size = 64<<20 + 1
			h := wrighttest.New(t)
			master, agent := h.Master(), h.Agent("one")
			h.Manifest("shop", fmt.Sprintf("[[step]]\nrun = '''%s'''\n", wrighttest.Task(t, fmt.Sprint("spew ", size))))
			id := h.Start("shop").ID
			for n := range 3 {
				awaitOutput(h, int64(n+1)<<20)
				if who != "agent" {
					master.Kill()
				}
				if who != "master" {
					agent.Kill()
				}
				if who != "agent" {
					master = h.Master()
				}
				if who != "master" {
					agent = h.Agent("one")
				}
			}
			if b := h.AwaitState(id, "succeeded"); b.Attempt != 1 {
				t.Errorf("it took %d attempts", b.Attempt)
			}
			wantBytes(t, h, id, size)
		})
	}
}

// awaitOutput waits until the master has so many bytes of output on its disk.
func awaitOutput(h *wrighttest.House, size int64) {
	h.Await(fmt.Sprintf("%d bytes of output", size), func() bool {
		return wrighttest.Size(filepath.Join(h.Data, "logs")) >= size
	})
}
