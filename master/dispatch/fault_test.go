package dispatch_test

import (
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// faulty is the end of an attempt that the agent's host is to blame for.
func faulty(w *agentv1.Work) *agentv1.Update {
	u := word(w, 2, errored)
	u.HostFault, u.Error = true, "the disk of the agent is full"
	return u
}

// A build that an agent's host is to blame for is tried again, elsewhere if there
// is another; three times in all.
func TestFaultsOfHostsAreTriedAgain(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	one := h.connect("one", 5)
	id := h.queue("shop", 1)
	w := take(one, one.works)
	two := h.connect("two", 1) // with less room
	one.tell(faulty(w))
	w = take(two, two.works)
	if w.GetBuild() != id || w.GetAttempt() != 2 {
		t.Fatalf("after the first fault: %v", w)
	}
	two.tell(faulty(w))
	w = take(one, one.works)
	one.tell(faulty(w))
	if b := h.build(id); b.State != state.Errored || b.Attempt != 3 || b.Error != "the disk of the agent is full" {
		t.Errorf("after the third fault: %+v", b)
	}
	one.nothingElse()
	two.nothingElse()
}

// What somebody wants ended is not tried again, nor what is the build's own.
func TestWhatIsNotTriedAgain(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	a := h.connect("one", 1)
	id := h.queue("shop", 1)
	w := take(a, a.works)
	u := word(w, 2, errored)
	u.Error = "the provider refuses"
	a.tell(u)
	if b := h.build(id); b.State != state.Errored || b.Attempt != 1 {
		t.Errorf("an error of its own: %+v", b)
	}
	id = h.queue("shop", 2)
	w = take(a, a.works)
	bid, _ := state.ParseBuildID(id)
	if err := h.d.Cancel(t.Context(), bid, "enough"); err != nil {
		t.Fatal(err)
	}
	a.tell(faulty(w))
	if b := h.build(id); b.State != state.Errored || b.Attempt != 1 {
		t.Errorf("cancelled: %+v", b)
	}
}

// A build that succeeds where the one before failed at the same revisions shows
// that one to be flaky.
func TestFlakyBuildsAreMarked(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	a := h.connect("one", 1)
	for n, c := range []struct {
		revision string
		state    agentv1.State
		flaky    string
	}{
		{"abc", failed, ""}, {"abc", succeeded, "shop-000001"}, {"abd", failed, ""}, {"abe", succeeded, ""}, {"abe", succeeded, ""},
	} {
		id := h.queue("shop", int64(n+1))
		w := take(a, a.works)
		u := word(w, 2, c.state)
		u.Revisions = map[string]string{"https://h.test/shop.git": c.revision}
		a.tell(u)
		if b := h.build(id); b.Flaky != c.flaky {
			t.Errorf("build %d: %+v, want flaky %q", n+1, b, c.flaky)
		}
	}
}
