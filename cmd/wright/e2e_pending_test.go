package main

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

const (
	pendingInstances = 1000
	pendingWatches   = 10 // of each instance, all of its own: 10,000 in all
)

// A master that is killed in the midst of 10,000 pending changes builds each
// instance exactly once more, at the newest revisions.
func TestKilledAmidPendingChanges(t *testing.T) {
	h := wrighttest.New(t)
	remotes := wrighttest.NewGitd(t)
	moveAll(remotes, 1)
	for i := range pendingInstances {
		h.Write(pendingName(i), pendingManifest(remotes, i))
	}
	master := h.Master("--poll", "1s")
	h.Await("every ref to be observed", func() bool { return observed(h, 1) == pendingInstances*pendingWatches })
	moveAll(remotes, 2)
	h.Await("some of the changes to be pending", func() bool { n := observed(h, 2); return n > 100 })
	master.Kill()
	moveAll(remotes, 3) // what was pending is old by now
	h.Master("--poll", "1s")
	h.Await("the newest revision of every ref", func() bool { return observed(h, 3) == pendingInstances*pendingWatches })
	h.Await("a build of each instance to wait", func() bool { return len(h.Builds("")) == pendingInstances })
	h.Agent("a", "--slots", "16")
	byInstance := map[string][]view.Build{}
	h.Await("every instance to be built, and no build to be left", func() bool {
		clear(byInstance)
		all := h.Builds("")
		for _, b := range all {
			if !b.Ended() {
				return false
			}
			byInstance[b.Instance] = append(byInstance[b.Instance], b)
		}
		return len(byInstance) == pendingInstances
	})
	for i := range pendingInstances {
		wantOneBuildOfAll(t, byInstance[pendingName(i)], i)
	}
}

// wantOneBuildOfAll wants one build, which took in the newest of each watch.
func wantOneBuildOfAll(t *testing.T, all []view.Build, i int) {
	t.Helper()
	if len(all) != 1 || all[0].State != "succeeded" {
		t.Fatalf("%s has %d builds, want one that succeeded: %+v", pendingName(i), len(all), all)
	}
	want, got := map[string]string{}, map[string]string{}
	for w := range pendingWatches {
		want[pendingRef(i, w)] = pendingRevision(i, w, 3)
	}
	for _, c := range all[0].Changes {
		got[c.Ref] = c.New // what moved again while it waited comes later
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s took in %v, want %v", all[0].ID, got, want)
	}
}

func pendingName(i int) string { return fmt.Sprintf("p%04d", i) }

// Each remote serves 100 refs, of ten instances.
func pendingRepo(i int) string { return fmt.Sprintf("repo%03d", i/10) }

func pendingRef(i, w int) string { return fmt.Sprintf("refs/heads/b%04d-%d", i, w) }

func pendingRevision(i, w, round int) string { return fmt.Sprintf("%020d%010d%09d%d", i, w, 0, round) }

func pendingManifest(remotes *wrighttest.Gitd, i int) string {
	var b strings.Builder
	for w := range pendingWatches {
		fmt.Fprintf(&b, "[[watch]]\ngit = %q\nref = %q\n", remotes.URL(pendingRepo(i)), pendingRef(i, w))
	}
	return b.String() + "[[step]]\nrun = \"true\"\n"
}

// moveAll moves every ref of every remote.
func moveAll(remotes *wrighttest.Gitd, round int) {
	for i := range pendingInstances {
		refs := map[string]string{}
		for w := range pendingWatches {
			refs[pendingRef(i, w)] = pendingRevision(i, w, round)
		}
		remotes.Move(pendingRepo(i), refs)
	}
}

// observed counts the refs that were seen at their revision of a round.
func observed(h *wrighttest.House, round int) (n int) {
	for _, w := range h.AllWatches() {
		if strings.HasSuffix(w.Revision, fmt.Sprint(round)) {
			n++
		}
	}
	return n
}
