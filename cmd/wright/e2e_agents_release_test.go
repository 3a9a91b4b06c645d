package main

import (
	"os"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// Releases one apart work together in both directions: the tests below run the
// programs of the commit in testdata/previous-release beside those of today, and
// exchange one for the other in the middle of builds.

// TestAgentIsUpgraded: an agent of the previous release works for today's master.
// It is stopped while its steps run, and today's takes them up from the supervisor
// of the previous one; then the same back.
func TestAgentIsUpgraded(t *testing.T) {
	for name, old := range map[string]struct{ before, after bool }{"up": {true, false}, "down": {false, true}} {
		t.Run(name, func(t *testing.T) {
			h := ofReleases(t)
			h.Master()
			var agent *wrighttest.Process
			asOf(h, old.before, func() { agent = h.Agent("one") })
			crash(t, h, agent.Stop, func() { asOf(h, old.after, func() { h.Agent("one") }) })
		})
	}
}

// TestMasterIsUpgraded: today's agent works for a master of the previous release,
// which is exchanged for today's over the same data while builds run; then the
// same back.
func TestMasterIsUpgraded(t *testing.T) {
	for name, old := range map[string]struct{ before, after bool }{"up": {true, false}, "down": {false, true}} {
		t.Run(name, func(t *testing.T) {
			h := ofReleases(t)
			var master *wrighttest.Process
			asOf(h, old.before, func() { master = h.Master() })
			h.Agent("one")
			crash(t, h, master.Stop, func() { asOf(h, old.after, func() { h.Master() }) })
		})
	}
}

// ofReleases is a house for a test that takes long: it builds another release.
func ofReleases(t *testing.T) *wrighttest.House {
	t.Helper()
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("set WRIGHT_TEST_HEAVY=1 to build the previous release and run it beside this one")
	}
	return wrighttest.New(t)
}

// asOf does something with the programs of the previous release, or of this one.
func asOf(h *wrighttest.House, previous bool, do func()) {
	if previous {
		h.Previously(do)
		return
	}
	do()
}
