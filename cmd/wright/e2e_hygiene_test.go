package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// TestHostsStayClean: an agent whose disk is nearly full takes nothing and says
// why; what was fetched is used again; and what builds wrote goes when its time
// has come, and is said to be gone.
func TestHostsStayClean(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	shop := gittest.New(t)
	shop.Commit("first", map[string]string{"file": "1"})
	m := h.Master()
	h.Agent("crammed", "--min-free", "100%") // no disk is that empty
	h.Manifest("shop", `
source = { git = "`+shop.URL()+`", branch = "main" }
retention = { builds = 1, age = "0s" }
artifacts = { paths = ["file"] }
[[step]]
run = "mktemp && cat file"
`)
	var agents []view.Agent
	h.JSON(&agents, "agent", "list")
	if len(agents) != 1 || agents[0].State != "closed" || !strings.HasPrefix(agents[0].Closed, "its disk is nearly full: ") {
		t.Errorf("the agents are %+v", agents)
	}
	first := h.Start("shop")
	h.Await("the build to say why it waits", func() bool {
		return strings.Contains(h.Run("build", "why", first.ID).Out, "no agent that could take it takes more: crammed: its disk is nearly full")
	})
	h.Agent("roomy", "--min-free", "0")
	h.AwaitState(first.ID, "succeeded")
	second := h.Start("shop")
	h.AwaitState(second.ID, "succeeded")
	if r := h.Run("build", "log", "--all", second.ID); !strings.Contains(r.Out, "with git (through the cache)") {
		t.Errorf("the second build says\n%s", r.Out)
	}
	h.Await("the agent to have nothing left", func() bool {
		builds, err := os.ReadDir(filepath.Join(h.AgentData("roomy"), "builds"))
		_, spare := os.Stat(filepath.Join(h.AgentData("roomy"), "spare"))
		return err == nil && len(builds) == 0 && spare != nil
	})

	m.Stop()
	h.Master()
	h.Await("the output of the first build to go", func() bool {
		r := h.Run("build", "log", first.ID)
		return r.Status == 1 && strings.Contains(r.Err, "kept long enough, and are removed")
	})
	if r := h.Run("build", "show", first.ID); !strings.Contains(r.Out, "removed by retention, with the artifacts") {
		t.Errorf("it shows\n%s", r.Out)
	}
	if r := h.Run("build", "list", "shop"); strings.Count(r.Out, "output removed by retention") != 1 {
		t.Errorf("the list is\n%s", r.Out)
	}
	for id, want := range map[string]int{first.ID: 0, second.ID: 1} {
		var kept []view.Artifact
		if h.JSON(&kept, "build", "artifacts", id); len(kept) != want {
			t.Errorf("of %s is kept %v", id, kept)
		}
	}
	if r := h.Run("build", "log", second.ID); r.Status != 0 || !strings.HasSuffix(r.Out, "\n1") {
		t.Errorf("the log of the second: %+v", r)
	}
}
