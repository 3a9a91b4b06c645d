package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// rounds is how often TestKilledAtAnyMoment kills each: WRIGHT_TEST_ROUNDS for
// who wants more.
func rounds(t *testing.T) int {
	s := os.Getenv("WRIGHT_TEST_ROUNDS")
	if s == "" {
		return 5
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKilledAtAnyMoment: whenever master, agent or both are killed in the life
// of a build with all that a build can have, and of the AppServer before it,
// which a person terminates meanwhile, the build succeeds at its first attempt,
// with its whole log, and is active; the other one goes.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"master", "agent", "dev"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			h := wrighttest.New(t)
			shop, theme := gittest.New(t), gittest.New(t)
			theme.Commit("first", map[string]string{"file": "theme\n"})
			shop.Commit("first", map[string]string{"build.sh": "cat theme/file\nfor i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.01; done\n"})
			shop.AddSubmodule(theme.URL(), "theme", "main")
			kill := begin(t, h, who)
			h.Manifest("shop", building(shop)+numbered(t, "keep = 1", "[dns]", `provider = "hosts"`, `domain = "shop.example.test"`,
				"[[database]]", `provider = "sqlite"`, `name = "passing"`, "[[database]]", `provider = "sqlite"`, `name = "lasting"`, "persistent = true"))
			for n := range rounds(t) {
				round(t, h, n+1, kill)
			}
			h.TerminateAll()
			if left := below(h, "*", "plugins/database-sqlite/ephemeral/*"); len(left) > 0 {
				t.Errorf("databases are left: %q", left)
			}
		})
	}
}

// begin starts an installation and returns what kills a part of it, and that
// again what starts the part again.
func begin(t *testing.T, h *wrighttest.House, who string) (kill func() (again func())) {
	t.Helper()
	var p *wrighttest.Process
	start := func() { p = h.Dev("--slots", "2") }
	switch who {
	case "master":
		start = func() { p = h.Master() }
		defer h.Agent("one")
	case "agent":
		h.Master()
		start = func() { p = h.Agent("one") }
	}
	start()
	return func() func() { p.Kill(); return start }
}

// round is one build, killed at a moment of its own.
func round(t *testing.T, h *wrighttest.House, n int, kill func() (again func())) {
	t.Helper()
	before := h.AppServers("shop")
	id := h.Start("shop").ID
	moment := time.Duration(rand.IntN(400)) * time.Millisecond
	if n%4 == 0 {
		moment = 0
	}
	<-time.After(moment)
	if len(before) > 0 {
		_, _ = wrighttest.Ask(h, func(ctx context.Context, c *client.Client) (view.AppServer, error) {
			return c.Want(ctx, before[0].ID, "terminate")
		})
		<-time.After(time.Duration(rand.IntN(50)) * time.Millisecond)
	}
	phase := "gone"
	if b, err := h.Build(id); err == nil {
		phase = b.State + " " + b.Phase
	}
	kill()()
	b := h.AwaitState(id, "succeeded")
	t.Logf("%s killed after %s, %s", id, moment, phase)
	if b.Attempt != 1 {
		t.Errorf("%s took %d attempts:\n%s", id, b.Attempt, h.WholeLog(id))
	}
	if log := h.Log(id); log != "theme\n1\n2\n3\n4\n5\n6\n7\n8\n9\n" {
		t.Errorf("the log of %s is %q", id, log)
	}
	wantStates(t, h, "shop", b.ID+".1 healthy active")
	wantAnswer(t, h, "shop", http.StatusOK, fmt.Sprint(n))
	h.Await("the directory of "+id+" to go", func() bool { return len(below(h, "*", "builds/shop*")) == 0 })
}
