package dispatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

func (h *house) drain(name string, drain bool, deadline time.Time) {
	h.Helper()
	if err := h.d.Drain(h.Context(), name, drain, deadline); err != nil {
		h.Fatal(err)
	}
}

// expire ends the lease of an agent that says nothing any more.
func (h *house) expire(name string) {
	h.Helper()
	var lease int64
	h.store.Read(func(f *state.Facts) { lease = f.Agents[name].Lease })
	if err := h.store.Revoke(h.Context(), lease); err != nil {
		h.Fatal(err)
	}
}

func TestDrain(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	if err := h.d.Drain(t.Context(), "one", true, time.Time{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("draining nobody: %v", err)
	}
	a := h.connect("one", 1)
	h.drain("one", true, time.Time{})
	h.queue("shop", 1)
	a.nothingElse()
	a.leave()
	a = h.connect("one", 1)
	a.nothingElse()
	h.drain("one", false, time.Time{})
	take(a, a.works)
	h.store.Read(func(f *state.Facts) {
		if len(f.Standings) > 0 {
			t.Errorf("there is something to say of %v", f.Standings["one"])
		}
	})
}

// A drained agent stays drained whether it takes leave or is lost, and can be
// given work again while it is away.
func TestDrainedAgentStaysSo(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	a := h.connect("one", 1)
	h.drain("one", true, time.Time{})
	if err := a.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	h.until("it is away", func(f *state.Facts) bool {
		s := f.Standings["one"]
		return f.Agents["one"] == nil && s != nil && s.Drained && !s.Lost && !s.GoneAt.IsZero()
	})
	a = h.connect("one", 1)
	h.until("it is back", func(f *state.Facts) bool {
		s := f.Standings["one"]
		return f.Agents["one"].Drained && s != nil && s.Drained && s.GoneAt.IsZero()
	})
	h.queue("shop", 1)
	a.nothingElse()
	a.leave()
	h.expire("one")
	h.until("it is lost", func(f *state.Facts) bool { s := f.Standings["one"]; return s.Drained && s.Lost && !s.GoneAt.IsZero() })
	h.drain("one", false, time.Time{})
	a = h.connect("one", 1)
	take(a, a.works)
	h.until("nothing is to be said of it", func(f *state.Facts) bool { return len(f.Standings) == 0 })
}

// An agent that was not drained is remembered when it is lost, until it is back,
// and not when it has taken leave.
func TestLostAgentIsRemembered(t *testing.T) {
	h := open(t, time.Minute)
	h.connect("lost", 1).leave()
	left := h.connect("left", 1)
	if err := left.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	h.until("one has left", func(f *state.Facts) bool { return f.Agents["left"] == nil })
	h.expire("lost")
	h.until("the other is lost", func(f *state.Facts) bool { return f.Standings["lost"] != nil && f.Standings["lost"].Lost })
	h.store.Read(func(f *state.Facts) {
		if len(f.Standings) > 1 {
			t.Errorf("the one that has left is %+v", f.Standings["left"])
		}
	})
	h.connect("lost", 1)
	h.until("it is back", func(f *state.Facts) bool { return len(f.Standings) == 0 })
}

// What a drained agent still builds at its deadline is done elsewhere, and the
// agent told to end it.
func TestDeadline(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	a := h.connect("one", 1)
	id := h.queue("shop", 1)
	w := take(a, a.works)
	a.tell(word(w, 1, running))
	h.drain("one", true, time.Now().Add(-time.Second))
	b := h.connect("two", 1)
	if again := take(b, b.works); again.GetBuild() != id || again.GetAttempt() != 2 {
		t.Errorf("done elsewhere is %v", again)
	}
	if c := take(a, a.cancels); c.GetBuild() != id || c.GetAttempt() != 1 || !c.GetForget() {
		t.Errorf("it was told %v", c)
	}
	a.update(word(w, 2, succeeded))
	a.nothingElse()
	if got := h.build(id); got.Attempt != 2 || got.Agent != "two" {
		t.Errorf("the build is %+v", got)
	}
}

// A deadline that is to come ends nothing before.
func TestDeadlineToCome(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	a := h.connect("one", 1)
	h.queue("shop", 1)
	w := take(a, a.works)
	a.tell(word(w, 1, running))
	h.drain("one", true, time.Now().Add(time.Hour))
	h.connect("two", 1)
	a.tell(word(w, 2, running))
	a.tell(word(w, 3, succeeded))
	a.nothingElse()
}

// What was lost long ago is forgotten.
func TestLostLongAgo(t *testing.T) {
	h := open(t, time.Minute)
	long := time.Now().Add(-48 * time.Hour).UTC()
	h.put(
		(&state.Standing{Agent: "old", Lost: true, GoneAt: long}).Put(),
		(&state.Standing{Agent: "drained", Drained: true, GoneAt: long}).Put(),
	)
	h.until("it is forgotten", func(f *state.Facts) bool { return len(f.Standings) == 1 && f.Standings["drained"] != nil })
}
