package dispatch_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

func TestCancel(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	one := state.BuildID{Instance: "shop", Number: 1}
	h.queue("shop", 1)
	if err := h.d.Cancel(t.Context(), one, "enough"); err != nil {
		t.Fatal(err)
	}
	h.until("a queued build has ended", func(f *state.Facts) bool { return f.Builds[one.String()] == nil })
	if b := h.build(one.String()); b.State != state.Cancelled || b.Error != "enough" {
		t.Errorf("a cancelled build is %+v", b)
	}
	if err := h.d.Cancel(t.Context(), one, "more"); !errors.Is(err, state.ErrFinal) {
		t.Errorf("cancelled twice: %v", err)
	}
	a := h.connect("one", 1)
	two := state.BuildID{Instance: "shop", Number: 2}
	h.queue("shop", 2)
	w := take(a, a.works)
	a.tell(word(w, 1, running))
	for _, again := range []bool{false, true} {
		if err := h.d.Cancel(t.Context(), two, "enough"); err != nil {
			t.Fatal(err)
		}
		if c := take(a, a.cancels); c.GetBuild() != two.String() || c.GetForget() || c.GetReason() != "enough" || c.GetAgain() != again {
			t.Errorf("told %v", c)
		}
		a.nothingElse()
		a.leave()
		a = h.connect("one", 1, word(w, 2, running))
		if c := take(a, a.cancels); c.GetBuild() != two.String() || c.GetAgain() {
			t.Errorf("told %v after a reconnect", c)
		}
		if again {
			if c := take(a, a.cancels); c.GetBuild() != two.String() || !c.GetAgain() {
				t.Errorf("then told %v", c)
			}
		}
		take(a, a.acks)
	}
	a.tell(word(w, 3, cancelled))
	if b := h.build(two.String()); b.State != state.Cancelled {
		t.Errorf("the build is %+v", b)
	}
	if err := h.d.Cancel(t.Context(), state.BuildID{Instance: "shop", Number: 9}, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("cancelled what is not there: %v", err)
	}
}

func TestABuildWhoseManifestIsGone(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	id := h.queue("shop", 1) // no agent is there
	h.change(func(f *state.Facts) state.Write { return f.Manifests["shop"].Put().Drop() })
	h.until("it has ended", func(f *state.Facts) bool { return f.Builds[id] == nil && f.Lasts["shop"] != nil })
	if b := h.build(id); b.State != state.Errored || !strings.Contains(b.Error, "no longer in force") {
		t.Errorf("the build is %+v", b)
	}
}

// When all is closed no goroutine is left: not even of sessions that were broken.
func TestNothingIsLeftRunning(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	before := runtime.NumGoroutine()
	for n := range int64(5) {
		a := h.connect(fmt.Sprintf("a%d", n), 1)
		h.queue("shop", n+1)
		if n%2 == 0 {
			a.leave()
		}
	}
	h.close()
	look, deadline := time.NewTicker(10*time.Millisecond), time.Now().Add(patience)
	defer look.Stop()
	for runtime.NumGoroutine() >= before && time.Now().Before(deadline) {
		<-look.C
	}
	if now := runtime.NumGoroutine(); now >= before { // the server and Run are gone, too
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before any agent came:\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
	}
}
