package activate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// world is one instance with its AppServers: builds bring them up in any order
// and end as they like, agents do operations, fail at them and say so late and
// twice, people wish for anything at any time.
type world struct {
	now     time.Time
	builds  int64
	ids     int
	active  *state.Active
	servers []*state.AppServer
	busy    map[string]bool // AppServers whose build has not ended
	wished  map[string]bool // AppServers that a person wished to be ended
	results []result        // said by agents, perhaps late
	people  bool            // somebody wished for something
	gone    int
}

type result struct{ server, operation, why string }

func newWorld() *world { return &world{now: at(0), busy: map[string]bool{}, wished: map[string]bool{}} }

func (w *world) nextID() string { w.ids++; return fmt.Sprintf("op%d", w.ids) }

func (w *world) server(id string) *state.AppServer {
	for _, a := range w.servers {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// plan is what a build begins with.
func (w *world) plan(number int64, attempt, keep int, manually, named bool) {
	id := state.AppServerID(state.BuildID{Instance: "shop", Number: number}.String(), attempt)
	a := &state.AppServer{ID: id, Instance: "shop", Number: number, Attempt: attempt, State: state.Planned, Keep: keep, Manually: manually}
	if named {
		a.DNS = &manifests.DNS{Provider: "hosts"}
	}
	w.servers, w.busy[id] = append(w.servers, a), true
}

// endBuild does to the AppServer what the end of its build does.
func (w *world) endBuild(a *state.AppServer, succeeded bool) {
	switch {
	case !w.busy[a.ID], succeeded && a.Outcome(w.active) == state.Pending:
		return // a build waits until its AppServer is settled
	case succeeded && a.State == state.Healthy, w.active != nil && w.active.AppServer == a.ID:
		a.Good = true
	default:
		if doomed, err := a.Doom("its build ended"); err == nil {
			*a = doomed
		}
	}
	delete(w.busy, a.ID)
}

// say is an agent's word about the operation that an AppServer has.
func (w *world) say(a *state.AppServer, why string) {
	if a.Operation != nil && !a.Operation.Done && a.Operation.Error == "" {
		w.results = append(w.results, result{a.ID, a.Operation.ID, why})
	}
}

// hear takes a result in, as the room does.
func (w *world) hear(r result) {
	a := w.server(r.server)
	if a == nil || a.Operation == nil || a.Operation.ID != r.operation {
		return
	}
	op := *a.Operation
	if op.Done = r.why == ""; !op.Done {
		op = Failed(op, r.why, w.now)
	}
	a.Operation = &op
}

func (w *world) wish(a *state.AppServer, doing state.Doing) {
	if wished, err := Wish(*a, doing); err == nil {
		*a, w.people = wished, true
		if doing == state.Terminate {
			w.wished[a.ID] = true
		}
	}
}

// decide carries verdicts out until there is nothing to do but wait. It
// returns when to decide again.
func (w *world) decide(t *rapid.T) time.Time {
	for range 6 {
		before := w.active
		wanted := map[string]state.Doing{}
		for _, a := range w.servers {
			wanted[a.ID] = a.Wanted
		}
		v := Decide(Situation{Instance: "shop", Active: w.active, Servers: w.servers}, w.now, w.nextID)
		if v.Active == nil && len(v.Servers) == 0 && len(v.Gone) == 0 {
			return v.Wake
		}
		w.apply(v)
		w.check(t, before, wanted)
	}
	t.Fatal("one decision follows another without end")
	return time.Time{}
}

func (w *world) apply(v Verdict) {
	if v.Active != nil {
		w.active = v.Active
	}
	for _, a := range v.Servers {
		*w.server(a.ID) = a
	}
	for _, a := range v.Gone {
		w.gone++
		w.servers = slices.DeleteFunc(w.servers, func(o *state.AppServer) bool { return o.ID == a.ID })
	}
}

// check holds after every decision.
func (w *world) check(t *rapid.T, before *state.Active, wanted map[string]state.Doing) {
	was, is := state.Active{}, state.Active{}
	if before != nil {
		was = *before
	}
	if w.active != nil {
		is = *w.active
	}
	if is.Highest < was.Highest {
		t.Fatalf("the highest build went from %d to %d", was.Highest, is.Highest)
	}
	if is.AppServer != "" {
		a := w.server(is.AppServer)
		if a == nil || a.State != state.Healthy {
			t.Fatalf("active is %s: %+v", is.AppServer, a)
		}
		if is.AppServer != was.AppServer && wanted[is.AppServer] != state.Activate && a.Number <= was.Highest {
			t.Fatalf("%s became active by itself, after builds up to %d", a.ID, was.Highest)
		}
	}
	if old := w.server(was.AppServer); old != nil && is.AppServer == "" && wanted[old.ID] == "" {
		t.Fatalf("%s is not active any more, and nobody wished that", old.ID)
	}
	if old := w.server(was.AppServer); was.AppServer != "" && (old == nil || old.State != state.Healthy) && !w.wished[was.AppServer] {
		t.Fatalf("the active %s was ended, and nobody wished that", was.AppServer)
	}
	w.checkOperations(t)
}

// What an agent is told to activate must be what becomes active when it is
// done, or a name leads elsewhere.
func (w *world) checkOperations(t *rapid.T) {
	for _, a := range w.servers {
		if a.Operation == nil || a.Operation.Doing != state.Activate || a.GivenUp() {
			continue
		}
		trial := *w
		trial.servers = nil
		for _, o := range w.servers {
			other := *o
			if o.ID == a.ID {
				op := *o.Operation
				op.Done, op.Error = true, ""
				other.Operation = &op
			}
			trial.servers = append(trial.servers, &other)
		}
		v := Decide(Situation{Instance: "shop", Active: w.active, Servers: trial.servers}, w.now, func() string { return "trial" })
		if v.Active == nil || v.Active.AppServer != a.ID {
			t.Fatalf("%s is being activated and will not be active: %s", a.ID, show(v))
		}
	}
}

// quiet lets all builds end well, all agents do what they are told, and time
// pass, until nothing is left to decide. It says whether that ever ends.
func (w *world) quiet(t *rapid.T) bool {
	for range 100 {
		wake := w.decide(t)
		moved := false
		for _, a := range slices.Clone(w.servers) {
			before := fmt.Sprint(*a)
			*a = a.Advance(state.Spawned, "h:1").Advance(state.Healthy, "")
			w.endBuild(a, true)
			w.say(a, "")
			moved = moved || fmt.Sprint(*a) != before || w.busy[a.ID]
		}
		for _, r := range w.results {
			w.hear(r)
			w.hear(r)
		}
		moved = moved || len(w.results) > 0
		w.results = nil
		if !wake.IsZero() {
			w.now, moved = wake, true
		}
		if !moved {
			return true
		}
	}
	return false
}

func TestSimulation(t *testing.T) {
	for range 20 {
		rapid.Check(t, simulate)
	}
}

func simulate(t *rapid.T) {
	w := newWorld()
	some := func(t *rapid.T) *state.AppServer {
		if len(w.servers) == 0 {
			return &state.AppServer{State: state.Terminated}
		}
		return rapid.SampledFrom(w.servers).Draw(t, "server")
	}
	whys := rapid.SampledFrom([]string{"", "no"})
	t.Repeat(map[string]func(*rapid.T){
		"build": func(t *rapid.T) {
			w.builds++
			w.plan(w.builds, 1, rapid.IntRange(1, 3).Draw(t, "keep"), rapid.IntRange(0, 3).Draw(t, "manually") == 0, rapid.Bool().Draw(t, "DNS"))
		},
		"spawned": func(t *rapid.T) { a := some(t); *a = a.Advance(state.Spawned, "h:1") },
		"healthy": func(t *rapid.T) { a := some(t); *a = a.Advance(state.Healthy, "") },
		"succeed": func(t *rapid.T) { w.endBuild(some(t), true) },
		"fail":    func(t *rapid.T) { w.endBuild(some(t), false) },
		"lose": func(t *rapid.T) {
			if a := some(t); w.busy[a.ID] {
				w.endBuild(a, false)
				w.plan(a.Number, a.Attempt+1, a.Keep, a.Manually, a.DNS != nil)
			}
		},
		"say": func(t *rapid.T) { w.say(some(t), whys.Draw(t, "why")) },
		"hear": func(t *rapid.T) { // any word, however late; it may come again
			if len(w.results) > 0 {
				w.hear(rapid.SampledFrom(w.results).Draw(t, "result"))
			}
		},
		"wish": func(t *rapid.T) {
			w.wish(some(t), rapid.SampledFrom([]state.Doing{state.Activate, state.Deactivate, state.Terminate}).Draw(t, "doing"))
		},
		"wait": func(t *rapid.T) {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second)
		},
		"decide": func(t *rapid.T) { w.decide(t) },
	})
	if !w.quiet(t) {
		t.Fatalf("it never comes to rest:\n%s", w)
	}
	w.checkRest(t)
}

func (w *world) String() string {
	out := fmt.Sprintf("active %+v\n", w.active)
	for _, a := range w.servers {
		out += fmt.Sprintf("%+v operation %+v\n", *a, a.Operation)
	}
	return out
}

// checkRest holds when everything has come to rest.
func (w *world) checkRest(t *rapid.T) {
	active, keep, kept := state.Active{}, 0, 0
	if w.active != nil {
		active = *w.active
	}
	for _, a := range w.servers {
		if a.State != state.Healthy || !a.Good || a.Wanted != "" || a.Operation != nil && !a.GivenUp() {
			t.Fatalf("at rest %s is left as it is:\n%s", a.ID, w)
		}
		keep = max(keep, a.Keep)
		if waits := a.Manually && a.Number > active.Highest; !waits {
			kept++
		}
		if !w.people && !a.Manually && !a.GivenUp() && (w.server(active.AppServer) == nil || w.server(active.AppServer).Number < a.Number) {
			t.Fatalf("at rest %s is not active:\n%s", a.ID, w)
		}
	}
	if kept > keep {
		t.Fatalf("at rest %d are kept:\n%s", kept, w)
	}
}
