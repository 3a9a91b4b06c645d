package state

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func everyAppServerState() []AppServerState {
	return []AppServerState{Planned, Spawned, Healthy, Terminating, Terminated}
}

// Every pair of states is here: what is not listed is forbidden.
func TestAppServerMoves(t *testing.T) {
	legal := map[AppServerState][]AppServerState{
		Planned: {Spawned, Healthy, Terminating}, Spawned: {Healthy, Terminating}, Healthy: {Terminating}, Terminating: {Terminated},
	}
	for _, from := range append(everyAppServerState(), "", "bogus") {
		for _, to := range append(everyAppServerState(), "", "bogus") {
			if got, want := from.MayMove(to), slices.Contains(legal[from], to); got != want {
				t.Errorf("from %q to %q: allowed %v, want %v", from, to, got, want)
			}
			moved := AppServer{State: from}.Advance(to, "")
			if want := slices.Contains(legal[from], to); want != (moved.State == to && from != to) || !want && moved.State != from {
				t.Errorf("advance from %q to %q: %q", from, to, moved.State)
			}
		}
	}
}

func TestAppServerOnlyGoesForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := AppServer{ID: "x-000001.1", State: Planned}
		for range rapid.IntRange(1, 30).Draw(t, "moves") {
			before := a
			if rapid.IntRange(0, 4).Draw(t, "kind") == 0 {
				var err error
				if a, err = a.Doom("why"); (err == nil) != before.State.MayMove(Terminating) {
					t.Fatalf("doomed from %s: %v", before.State, err)
				}
			} else {
				to := rapid.SampledFrom(everyAppServerState()).Draw(t, "to")
				a = a.Advance(to, rapid.SampledFrom([]string{"", "h:1", "h:2"}).Draw(t, "address"))
			}
			if slices.Index(everyAppServerState(), a.State) < slices.Index(everyAppServerState(), before.State) {
				t.Fatalf("went from %s to %s", before.State, a.State)
			}
			if before.Address != "" && a.Address != before.Address {
				t.Fatalf("address changed from %s to %s", before.Address, a.Address)
			}
		}
	})
}

func TestDoomEndsWishesAndOperations(t *testing.T) {
	a, err := AppServer{State: Healthy, Wanted: Activate, Operation: &Operation{ID: "1"}}.Doom("why")
	if err != nil || a.State != Terminating || a.Wanted != "" || a.Operation != nil || a.Error != "why" {
		t.Errorf("got %+v, %v", a, err)
	}
	if _, err := a.Doom("again"); !errors.Is(err, ErrMove) {
		t.Errorf("doomed twice: %v, want no such move", err)
	}
}

func TestOutcome(t *testing.T) {
	given := &Operation{Doing: Activate, Tries: MaxActivations, Error: "no"}
	for name, c := range map[string]struct {
		server AppServer
		active *Active
		want   Outcome
	}{
		"not up yet":                {AppServer{ID: "x.1", Number: 1, State: Spawned}, nil, Pending},
		"up, not decided":           {AppServer{ID: "x.1", Number: 1, State: Healthy}, nil, Pending},
		"up, an older one active":   {AppServer{ID: "x.1", Number: 2, State: Healthy}, &Active{AppServer: "y", Highest: 1}, Pending},
		"active":                    {AppServer{ID: "x.1", Number: 2, State: Healthy}, &Active{AppServer: "x.1", Highest: 2}, Activated},
		"a newer one active":        {AppServer{ID: "x.1", Number: 2, State: Healthy}, &Active{AppServer: "y", Highest: 3}, Overtaken},
		"not up, a newer one":       {AppServer{ID: "x.1", Number: 2, State: Spawned}, &Active{AppServer: "y", Highest: 3}, Pending},
		"waits for a person":        {AppServer{ID: "x.1", Number: 2, State: Healthy, Manually: true}, nil, Standby},
		"doomed":                    {AppServer{ID: "x.1", Number: 2, State: Terminating}, nil, Refused},
		"gone":                      {AppServer{ID: "x.1", Number: 2, State: Terminated}, nil, Refused},
		"activation given up":       {AppServer{ID: "x.1", Number: 2, State: Healthy, Operation: given}, nil, Refused},
		"given up, an older active": {AppServer{ID: "x.1", Number: 2, State: Healthy, Operation: given}, &Active{AppServer: "y", Highest: 2}, Refused},
		"failed, tried again":       {AppServer{ID: "x.1", Number: 2, State: Healthy, Operation: &Operation{Doing: Activate, Tries: 1}}, nil, Pending},
	} {
		if got := c.server.Outcome(c.active); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestPlan(t *testing.T) {
	b := &Build{ID: "shop-000003", Instance: "shop", Number: 3, Attempt: 2, Agent: "a"}
	a := Plan(b, parse(t, "shop", "[[step]]\nrun='true'\n[appserver]\ncloud='process'\nactivate='manually'\nkeep=3\n"), time.Unix(1, 0))
	if a.ID != "shop-000003.2" || a.State != Planned || a.Agent != "a" || !a.Manually || a.Keep != 3 || a.Number != 3 || a.Attempt != 2 {
		t.Errorf("got %+v", a)
	}
}
