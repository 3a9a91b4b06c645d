package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// by lists the builds of an instance that have one kind of reason, the oldest
// first.
func by(h *wrighttest.House, instance, kind string) (all []view.Build) {
	for _, b := range h.Builds(instance) {
		if b.Kind == kind {
			all = append([]view.Build{b}, all...)
		}
	}
	return all
}

// TestOnSchedule: what has an interval is built again and again, that far apart;
// never while a build is under way; once for all that was missed while the
// master was dead; not at all while it is archived.
func TestOnSchedule(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master := h.Master()
	h.Agent("one")
	const interval = 3 * time.Second
	h.Manifest("quick", "[periodic]\ninterval = \"PT3S\"\n[[step]]\nrun = \"true\"\n")
	h.Manifest("slow", "[periodic]\ninterval = \"00:00:02\"\n[[step]]\nrun = \"sleep 5\"\n")
	h.Manifest("away", "[periodic]\ninterval = \"00:00:02\"\n[[step]]\nrun = \"true\"\n")
	if got := h.Run("instance", "archive", "away"); got.Status != 0 {
		t.Fatal(got)
	}
	built := len(h.Builds("away"))
	h.Await("three builds of quick", func() bool { return len(by(h, "quick", "periodic")) >= 3 })
	master.Kill()
	dead := time.NewTimer(4 * interval)
	<-dead.C
	h.Master()
	back := time.Now()
	before := len(h.Builds("quick"))
	h.Await("three more builds of quick", func() bool { return len(by(h, "quick", "periodic")) >= before+3 })
	all := by(h, "quick", "periodic")
	for i := 1; i < len(all); i++ {
		// What starts late because the machine is slow does not shift those after it.
		if gap := all[i].QueuedAt.Sub(all[i-1].QueuedAt); gap < interval/2 {
			t.Errorf("%s was queued %s after %s", all[i].ID, gap, all[i-1].ID)
		}
	}
	most := int(time.Since(back)/interval) + 2 // one was missed, and one may be due at once
	if n := len(all) - before; n > most {
		t.Errorf("%d builds since the master is back, %s ago", n, time.Since(back))
	}
	h.Await("two builds of slow", func() bool { return len(h.Builds("slow")) >= 2 })
	slow := by(h, "slow", "periodic")
	for i := 1; i < len(slow); i++ {
		if slow[i].QueuedAt.Before(slow[i-1].FinishedAt) {
			t.Errorf("%s was queued at %s, while %s ran until %s", slow[i].ID, slow[i].QueuedAt, slow[i-1].ID, slow[i-1].FinishedAt)
		}
	}
	if now := len(h.Builds("away")); now != built {
		t.Errorf("%d builds of what was archived with %d", now, built)
	}
	var starts []view.Start
	h.JSON(&starts, "schedule", "list")
	for _, name := range []string{"quick", "slow"} { // nothing is to be under way at the end
		h.Run("instance", "archive", name)
		quiet(h, name)
	}
	if len(starts) != 3 || starts[2].Instance != "away" || !starts[2].NextAt.IsZero() || starts[0].NextAt.IsZero() || starts[0].Kind != "periodic" {
		t.Errorf("the schedule is %+v", starts)
	}
}

// TestAppServerByHandRestartsTheWait: the next build on schedule comes an
// interval after the AppServer that a person had made.
func TestAppServerByHandRestartsTheWait(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev()
	h.Manifest("shop", numbered(t, "[periodic]", `interval = "P2D"`))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	made := h.AppServers("shop")[0].CreatedAt
	var starts []view.Start
	h.Await("the wait to begin anew", func() bool {
		h.JSON(&starts, "schedule", "list", "shop")
		return starts[0].Since.Equal(made)
	})
	if got := starts[0].NextAt.Sub(made); got != 48*time.Hour {
		t.Errorf("the next build is due %s after it", got)
	}
}

// TestRetriesOfWhatCannotBeProvisioned: a build on schedule whose AppServer
// cannot be provisioned is tried again, as often as the manifest says; one whose
// steps fail is not.
func TestRetriesOfWhatCannotBeProvisioned(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev()
	h.Manifest("shop", appServer(t, "", "exit 3", "[periodic]", `interval = "PT20S"`, "retries = 2"))
	h.Manifest("broken", "[periodic]\ninterval = \"PT10S\"\nretries = 2\n[[step]]\nrun = \"false\"\n")
	h.Await("two retries", func() bool { return len(by(h, "shop", "periodic")) >= 3 })
	all := by(h, "shop", "periodic")
	for i, want := range []string{"periodic: every 20s", "periodic: try 2 of 3 after build shop-000001: ", "periodic: try 3 of 3 after build shop-000002: "} {
		if !strings.HasPrefix(all[i].Reason, want) {
			t.Errorf("build %d is because of %q", i+1, all[i].Reason)
		}
	}
	if gap := all[2].QueuedAt.Sub(all[1].FinishedAt); gap < 4*time.Second {
		t.Errorf("the second retry came after %s", gap)
	}
	h.Await("two builds of what is broken", func() bool { return len(h.Builds("broken")) >= 2 })
	for _, b := range h.Builds("broken") {
		if b.Reason != "periodic: every 10s" {
			t.Errorf("%s is because of %q", b.ID, b.Reason)
		}
	}
	for _, name := range []string{"shop", "broken"} {
		h.Run("instance", "archive", name)
		quiet(h, name)
	}
}

// TestAfterAnother: an instance is built when another one has succeeded, once,
// also if the master dies in between; a failure starts nothing.
func TestAfterAnother(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master := h.Master()
	agent := h.Agent("one")
	h.Manifest("lib", "[[step]]\nrun = \"test ! -e "+h.Dir+"/broken\"\n")
	h.Manifest("shop", "after = [\"lib\"]\n[[step]]\nrun = \"true\"\n")
	h.AwaitState(h.Start("lib").ID, "succeeded")
	h.Await("the shop to follow", func() bool { return len(by(h, "shop", "after")) == 1 })
	b := h.AwaitState(by(h, "shop", "after")[0].ID, "succeeded")
	if !strings.Contains(b.Reason, "lib-000001") {
		t.Errorf("it is built because of %q", b.Reason)
	}
	agent.Kill()
	second := h.Start("lib")
	master.Kill()
	h.Master()
	h.Agent("one")
	h.AwaitState(second.ID, "succeeded")
	h.Await("the shop to follow again", func() bool { return len(by(h, "shop", "after")) == 2 })
	if got := h.Run("build", "start", "lib", "--wait"); got.Status != 0 {
		t.Fatal(got)
	}
	h.Await("the shop to follow once more", func() bool { return len(by(h, "shop", "after")) == 3 })
	h.Write("lib", "after = [\"shop\"]\n[[step]]\nrun = \"true\"\n")
	h.Await("the circle to be shown", func() bool {
		i, err := h.Instance("lib")
		return err == nil && len(i.Errors) == 1 && strings.Contains(i.Errors[0], "lib after shop after lib")
	})
}

// TestWhatCommitsChange: commits that say so, or that change only what does not
// matter, start nothing; what came before them is built all the same.
func TestWhatCommitsChange(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master := h.Master()
	h.Agent("one")
	repo := gittest.New(t)
	repo.Commit("first", map[string]string{"src/a": "1", "docs/a": "1"})
	step := "[[step]]\nrun = \"true\"\n"
	h.Manifest("all", following(repo, "[[step]]", `run = "true"`))
	h.Manifest("src", "only-if-changed = [\"src/**\"]\n"+following(repo, step))
	h.Manifest("nodocs", "ignore-changed = [\"docs/\"]\nskip-marks = false\n"+following(repo, step))
	count := func() string {
		out := ""
		for _, name := range []string{"all", "src", "nodocs"} {
			out += fmt.Sprint(len(quiet(h, name)), " ")
		}
		return strings.TrimSpace(out)
	}
	want := func(what, builds string) {
		t.Helper()
		h.Await(what+": builds "+builds, func() bool { return count() == builds })
		if got := count(); got != builds {
			t.Errorf("%s: there are %s builds, want %s", what, got, builds)
		}
	}
	want("discovered", "0 0 0")
	repo.Commit("words", map[string]string{"docs/a": "2"})
	want("only documents", "1 0 0")
	repo.Commit("code", map[string]string{"src/a": "2"})
	want("code", "2 1 1")
	repo.Commit("code [skip ci]", map[string]string{"src/a": "3"})
	want("to be skipped", "2 1 2")
	master.Kill()
	repo.Commit("other", map[string]string{"other": "1"})
	master = h.Master()
	want("something else, while the master was dead", "3 1 3")
	master.Kill() // or it might look before what was is gone
	rewritten := repo.Git("commit-tree", "HEAD~3^{tree}", "-p", "HEAD~4", "-m", "rewritten")
	repo.Git("reset", "-q", "--hard", strings.TrimSpace(rewritten))
	repo.Git("reflog", "expire", "--expire=now", "--all")
	repo.Git("gc", "-q", "--prune=now")
	h.Master()
	want("forced, and what was is gone", "4 2 4")
	for _, b := range h.Builds("src") {
		if b.Number == 2 && !strings.Contains(b.Reason, "which paths changed is not known") {
			t.Errorf("it is built because of %q", b.Reason)
		}
	}
}

// TestProperties: what a person gives a build its steps see as variables, and so
// do those of its retry.
func TestProperties(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev()
	h.Manifest("shop", "[[step]]\nrun = '''echo \"<$WRIGHT_PROPERTY_target> <$WRIGHT_PROPERTY_EMPTY>\" $((1+1))'''\n")
	got := h.Run("build", "start", "shop", "--wait", "--property", "target=live; rm -rf $HOME='x'", "--property", "EMPTY=")
	id := strings.TrimSpace(got.Out)
	if got.Status != 0 || !strings.HasPrefix(id, "shop-") {
		t.Fatal(got)
	}
	const line = "<live; rm -rf $HOME='x'> <> 2\n"
	if out := h.Log(id); out != line {
		t.Errorf("the step wrote %q", out)
	}
	again := h.Run("build", "retry", id, "--wait")
	if out := h.Log(strings.TrimSpace(again.Out)); again.Status != 0 || out != line {
		t.Errorf("the retry wrote %q: %v", out, again)
	}
	for _, bad := range []string{"no-dash=1", "=1", "1a=1", "a" + strings.Repeat("x", 64) + "=1"} {
		if got := h.Run("build", "start", "shop", "--property", bad); got.Status != 1 || !strings.Contains(got.Err, "is no name of a property") {
			t.Errorf("%s: %v", bad, got)
		}
	}
	for _, bad := range [][]string{{"a"}, {"a=1", "a=2"}} {
		args := []string{"build", "start", "shop"}
		for _, b := range bad {
			args = append(args, "--property", b)
		}
		if got := h.Run(args...); got.Status != 2 {
			t.Errorf("%s: %v", bad, got)
		}
	}
}
