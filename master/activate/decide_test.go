package activate

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

func at(s int) time.Time { return time.Unix(1000+int64(s), 0).UTC() }

// server is a healthy AppServer of build n whose build has succeeded.
func server(n int64, change ...func(*state.AppServer)) *state.AppServer {
	id := state.AppServerID(state.BuildID{Instance: "shop", Number: n}.String(), 1)
	a := &state.AppServer{ID: id, Instance: "shop", Number: n, Attempt: 1, State: state.Healthy, Keep: 2, Good: true}
	for _, c := range change {
		c(a)
	}
	return a
}

func in(s state.AppServerState) func(*state.AppServer) {
	return func(a *state.AppServer) { a.State, a.Good = s, s == state.Healthy }
}
func building(a *state.AppServer) { a.Good = false }
func forgotten(a *state.AppServer) {
	a.Forgotten = true
}
func manually(a *state.AppServer) { a.Manually = true }
func named(a *state.AppServer)    { a.DNS = &manifests.DNS{Provider: "hosts"} }
func balanced(a *state.AppServer) { a.Balancer = &manifests.Balancer{Provider: "haproxy"} }
func wanted(d state.Doing) func(*state.AppServer) {
	return func(a *state.AppServer) { a.Wanted = d }
}
func idleSince(s int) func(*state.AppServer) { return func(a *state.AppServer) { a.IdleSince = at(s) } }
func keep(n int) func(*state.AppServer)      { return func(a *state.AppServer) { a.Keep = n } }

// doing gives it an operation: "activate", "activate done", "activate failed 3".
func doing(text string) func(*state.AppServer) {
	return func(a *state.AppServer) {
		f := strings.Fields(text)
		a.Operation = &state.Operation{ID: "old", Doing: state.Doing(f[0])}
		if len(f) > 1 && f[1] == "done" {
			a.Operation.Done = true
		} else if len(f) > 2 {
			_, _ = fmt.Sscan(f[2], &a.Operation.Tries)
			a.Operation.Error, a.Operation.NotBefore = "no", at(0)
		}
	}
}

func active(n, highest int64) *state.Active {
	act := &state.Active{Instance: "shop", Highest: highest}
	if n != 0 {
		act.AppServer = server(n).ID
	}
	return act
}

// show writes a verdict: who is active, and every server that is written.
func show(v Verdict) string {
	var out []string
	if v.Active != nil {
		out = append(out, fmt.Sprintf("active=%s highest=%d", short(v.Active.AppServer), v.Active.Highest))
	}
	for _, a := range v.Servers {
		text := short(a.ID) + " " + string(a.State)
		if a.Operation != nil {
			text += " " + string(a.Operation.Doing) + "/" + a.Operation.ID
		}
		if a.Wanted != "" {
			text += " wanted " + string(a.Wanted)
		}
		out = append(out, text)
	}
	for _, a := range v.Gone {
		out = append(out, short(a.ID)+" gone")
	}
	if !v.Wake.IsZero() {
		out = append(out, fmt.Sprintf("wake=%d", v.Wake.Unix()-1000))
	}
	return strings.Join(out, "; ")
}

func short(id string) string {
	return strings.TrimSuffix(strings.TrimLeft(strings.TrimPrefix(id, "shop-"), "0"), ".1")
}

// Only what is terminating can be given up, and the reason stays with it.
func TestForget(t *testing.T) {
	for _, s := range []state.AppServerState{state.Planned, state.Healthy, state.Terminated} {
		if _, err := Forget(*server(1, in(s))); !errors.Is(err, state.ErrMove) {
			t.Errorf("one that is %s: %v", s, err)
		}
	}
	a := server(1, in(state.Terminating), doing("terminate failed 3"))
	a.Provider, a.Agent = "process", "one"
	given, err := Forget(*a)
	if err != nil || !given.Forgotten || given.Error != "a person gave it up; what is left of it with process of agent one was not ended: no" {
		t.Errorf("%+v, %v", given, err)
	}
	if again, err := Forget(given); err != nil || again.Error != given.Error {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	v := Decide(Situation{Instance: "shop", Servers: []*state.AppServer{&given}}, at(0), func() string { return "new" })
	if len(v.Gone) != 1 || v.Gone[0].Error != given.Error || v.Gone[0].State != state.Terminated || v.Gone[0].Operation != nil {
		t.Errorf("gone: %+v", v.Gone)
	}
}

func TestDecide(t *testing.T) {
	for name, c := range map[string]struct {
		active  *state.Active
		servers []*state.AppServer
		want    string
	}{
		"nothing there":                          {nil, nil, ""},
		"given up by a person":                   {nil, []*state.AppServer{server(1, in(state.Terminating), forgotten, doing("terminate"))}, "1 gone"},
		"given up after failures":                {nil, []*state.AppServer{server(1, in(state.Terminating), forgotten, doing("terminate failed 3"))}, "1 gone"},
		"given up while it was done":             {nil, []*state.AppServer{server(1, in(state.Terminating), forgotten, doing("terminate done"))}, "1 gone"},
		"the first one comes up":                 {nil, []*state.AppServer{server(1, building)}, "active=1 highest=1; 1 healthy"},
		"not up yet":                             {nil, []*state.AppServer{server(1, in(state.Spawned))}, ""},
		"a newer one replaces":                   {active(1, 1), []*state.AppServer{server(1), server(2, building)}, "active=2 highest=2; 2 healthy; 1 healthy"},
		"an older one does not":                  {active(2, 2), []*state.AppServer{server(2), server(1, building)}, ""},
		"two come up at once":                    {nil, []*state.AppServer{server(1, building), server(2, building)}, "active=2 highest=2; 2 healthy"},
		"manually waits":                         {active(1, 1), []*state.AppServer{server(1), server(2, manually)}, ""},
		"too many wait":                          {active(1, 1), []*state.AppServer{server(1), server(2, manually), server(3, manually), server(4, manually)}, "2 terminating terminate/new1"},
		"a person chooses it":                    {active(1, 1), []*state.AppServer{server(1), server(2, manually, wanted(state.Activate))}, "active=2 highest=2; 2 healthy; 1 healthy"},
		"a person chooses an older one":          {active(2, 2), []*state.AppServer{server(1, wanted(state.Activate)), server(2)}, "active=1 highest=2; 2 healthy; 1 healthy"},
		"that choice stands":                     {active(1, 2), []*state.AppServer{server(1), server(2)}, ""},
		"until a newer one":                      {active(1, 2), []*state.AppServer{server(1), server(2), server(3, building)}, "active=3 highest=3; 3 healthy; 2 terminating terminate/new1; 1 healthy"},
		"an older attempt is not better":         {nil, []*state.AppServer{server(1, building), server(1, building, func(a *state.AppServer) { a.ID, a.Attempt = "shop-000001.2", 2 })}, "active=1.2 highest=1; 1.2 healthy"},
		"with DNS an operation comes":            {nil, []*state.AppServer{server(1, named, building)}, "1 healthy activate/new1"},
		"with a balancer, too":                   {nil, []*state.AppServer{server(1, balanced, building)}, "1 healthy activate/new1"},
		"it is under way":                        {nil, []*state.AppServer{server(1, named, building, doing("activate"))}, ""},
		"it is done":                             {nil, []*state.AppServer{server(1, named, building, doing("activate done"))}, "active=1 highest=1; 1 healthy"},
		"it failed, again":                       {nil, []*state.AppServer{server(1, named, building, doing("activate failed 2"))}, "1 healthy activate/new1"},
		"it failed for good":                     {nil, []*state.AppServer{server(1, named, building, doing("activate failed 5"))}, ""},
		"then the one before":                    {nil, []*state.AppServer{server(1, named, building), server(2, named, building, doing("activate failed 5"))}, "1 healthy activate/new1"},
		"which goes on to its end":               {nil, []*state.AppServer{server(1, named, building, doing("activate")), server(2, named, building, doing("activate failed 5"))}, ""},
		"overtaken while activating":             {nil, []*state.AppServer{server(1, named, building, doing("activate")), server(2, named, building)}, "2 healthy activate/new1; 1 healthy"},
		"none is to be active, and one comes up": {active(1, 1), []*state.AppServer{server(1, wanted(state.Deactivate)), server(2, named, building, doing("activate"))}, "active= highest=2; 2 healthy; 1 healthy"},
		"deactivated by a person":                {active(1, 1), []*state.AppServer{server(1, wanted(state.Deactivate))}, "active= highest=1; 1 healthy"},
		"deactivating takes an operation":        {active(1, 1), []*state.AppServer{server(1, named, wanted(state.Deactivate))}, "1 healthy deactivate/new1 wanted deactivate"},
		"with a balancer, too, it does":          {active(1, 1), []*state.AppServer{server(1, balanced, wanted(state.Deactivate))}, "1 healthy deactivate/new1 wanted deactivate"},
		"which is done":                          {active(1, 1), []*state.AppServer{server(1, named, wanted(state.Deactivate), doing("deactivate done"))}, "active= highest=1; 1 healthy"},
		"none is active: stays so":               {active(0, 2), []*state.AppServer{server(1), server(2)}, ""},
		"a wish that is so already":              {active(1, 1), []*state.AppServer{server(1, wanted(state.Activate))}, "1 healthy"},
		"a wish overrides the one before":        {active(1, 1), []*state.AppServer{server(1, named, wanted(state.Activate), doing("deactivate"))}, "1 healthy"},
		"deactivating what was replaced":         {active(2, 2), []*state.AppServer{server(1, named, wanted(state.Deactivate), doing("deactivate")), server(2, named)}, "1 healthy"},
		"a wish that cannot be fulfilled":        {active(2, 3), []*state.AppServer{server(1, named, wanted(state.Activate), doing("activate failed 5")), server(2, named)}, "1 healthy activate/old"},
		"a person ends the active one":           {active(2, 2), []*state.AppServer{server(1), server(2, wanted(state.Terminate))}, "active= highest=2; 2 terminating terminate/new1"},
		"while a newer one comes up":             {active(1, 1), []*state.AppServer{server(1, wanted(state.Terminate)), server(2, named)}, "active= highest=1; 2 healthy activate/new1; 1 terminating terminate/new2"},
		"a person ends one being built":          {active(1, 1), []*state.AppServer{server(1), server(2, in(state.Planned), wanted(state.Terminate))}, "2 terminating terminate/new1"},
		"beyond keep":                            {active(3, 3), []*state.AppServer{server(1), server(2), server(3)}, "1 terminating terminate/new1"},
		"an older one is active":                 {active(1, 3), []*state.AppServer{server(1), server(2), server(3)}, "2 terminating terminate/new1"},
		"keep one":                               {active(2, 2), []*state.AppServer{server(1, keep(1)), server(2, keep(1))}, "1 terminating terminate/new1"},
		"it still answers":                       {active(2, 2), []*state.AppServer{server(1, keep(1), idleSince(90)), server(2, keep(1))}, "wake=105"},
		"it has answered":                        {active(2, 2), []*state.AppServer{server(1, keep(1), idleSince(80)), server(2, keep(1))}, "1 terminating terminate/new1"},
		"one being built is not counted":         {active(2, 2), []*state.AppServer{server(1), server(2), server(3, in(state.Spawned))}, ""},
		"one to be activated is not":             {active(1, 1), []*state.AppServer{server(1, keep(1), named), server(2, keep(1), named, doing("activate"))}, ""},
		"terminating is under way":               {nil, []*state.AppServer{server(1, in(state.Terminating), doing("terminate"))}, ""},
		"terminating failed, again":              {nil, []*state.AppServer{server(1, in(state.Terminating), doing("terminate failed 40"))}, "1 terminating terminate/new1"},
		"terminated":                             {nil, []*state.AppServer{server(1, in(state.Terminating), doing("terminate done"))}, "1 gone"},
		"terminating forgets activation":         {nil, []*state.AppServer{server(1, in(state.Terminating), doing("activate done"))}, "1 terminating terminate/new1"},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			v := Decide(Situation{Instance: "shop", Active: c.active, Servers: c.servers}, at(100), func() string { n++; return fmt.Sprintf("new%d", n) })
			if got := show(v); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestDecideWaitsBeforeItTriesAgain(t *testing.T) {
	a := server(1, named, building, doing("activate failed 1"))
	a.Operation.NotBefore = at(107)
	if v := Decide(Situation{Instance: "shop", Servers: []*state.AppServer{a}}, at(100), nil); show(v) != "wake=107" {
		t.Errorf("got %s, want only a wake at 107", show(v))
	}
}

// However much there is to do, a verdict fits into a transaction, and the rest
// follows at once.
func TestDecideFitsIntoATransaction(t *testing.T) {
	w := newWorld()
	w.active = active(1000, 1000)
	for n := range int64(1000) {
		w.servers = append(w.servers, server(n+1, keep(1)))
	}
	for range 100 {
		for _, a := range w.servers {
			if a.Operation != nil {
				a.Operation.Done = true
			}
		}
		v := Decide(Situation{Instance: "shop", Active: w.active, Servers: w.servers}, at(100), w.nextID)
		if n := len(v.Servers) + 2*len(v.Gone); n > 127 {
			t.Fatalf("%d facts are to be written at once", n)
		}
		if w.apply(v); len(w.servers) == 1 {
			return
		}
		if v.Wake.IsZero() && len(v.Servers)+len(v.Gone) == 0 {
			break
		}
	}
	t.Errorf("%d are left", len(w.servers))
}

func TestDecideChangesNothingInPlace(t *testing.T) {
	act, one, two := active(1, 1), server(1), server(2, building)
	was := fmt.Sprint(*act, *one, *two)
	Decide(Situation{Instance: "shop", Active: act, Servers: []*state.AppServer{one, two}}, at(100), func() string { return "new" })
	if now := fmt.Sprint(*act, *one, *two); now != was {
		t.Errorf("the facts became %s, were %s", now, was)
	}
}

func TestFailedWaitsLongerEachTime(t *testing.T) {
	op := state.Operation{Doing: state.Terminate}
	var waits []time.Duration
	for range 10 {
		op = Failed(op, "no", at(0))
		waits = append(waits, op.NotBefore.Sub(at(0)))
	}
	if waits[0] != retryAfter || waits[1] != 2*retryAfter || waits[9] != maxRetryAfter || op.Tries != 10 {
		t.Errorf("waits %v after %d tries", waits, op.Tries)
	}
}

// What was written before the clock was put back is not waited for until then.
func TestClockPutBack(t *testing.T) {
	d := &decision{now: at(0)}
	for _, c := range []struct {
		at   int
		want bool
	}{{-1, false}, {0, false}, {1, true}, {15, true}, {45, true}, {3 * 3600, false}} {
		if got := d.early(at(c.at), drainTime); got != c.want {
			t.Errorf("%d s from now is early: %v", c.at, got)
		}
	}
}

func TestWish(t *testing.T) {
	failed := *server(1, named, doing("activate failed 5"))
	failed.Error = "could not be activated: no"
	a, err := Wish(failed, state.Activate)
	if err != nil || a.Wanted != state.Activate || a.Operation != nil || a.Error != "" {
		t.Errorf("wishing once more what failed: %+v, %v", a, err)
	}
	if v := Decide(Situation{Instance: "shop", Servers: []*state.AppServer{&a}}, at(100), func() string { return "new" }); show(v) != "1 healthy activate/new wanted activate" {
		t.Errorf("then %s", show(v))
	}
	if a, err := Wish(*server(1, doing("activate")), state.Activate); err != nil || a.Operation == nil {
		t.Errorf("what is under way begins again: %+v, %v", a, err)
	}
	if a, err := Wish(*server(1, in(state.Spawned)), state.Activate); err == nil || a.Wanted != "" {
		t.Errorf("not up yet: %+v, %v", a, err)
	}
}

func TestAllowed(t *testing.T) {
	for s, want := range map[state.AppServerState][3]bool{
		state.Planned: {false, true, true}, state.Spawned: {false, true, true}, state.Healthy: {true, true, true},
		state.Terminating: {}, state.Terminated: {},
	} {
		for i, doing := range []state.Doing{state.Activate, state.Deactivate, state.Terminate} {
			if err := Allowed(&state.AppServer{State: s}, doing); (err == nil) != want[i] {
				t.Errorf("%s when %s: %v, want allowed %v", doing, s, err, want[i])
			}
		}
	}
}
