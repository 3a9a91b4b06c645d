package view

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

func TestStateOfAnInstance(t *testing.T) {
	inForce := &state.InForce{Instance: "shop"}
	fault := &state.Fault{Name: "shop", Errors: manifests.Errors{{Message: "it is bad"}}}
	last := func(s state.BuildState) *state.Last {
		return &state.Last{Finished: state.Build{ID: "shop-000001", State: s}}
	}
	tests := []struct {
		name  string
		facts InstanceFacts
		want  string
	}{
		{"new", InstanceFacts{InForce: inForce}, "never built"},
		{"built", InstanceFacts{InForce: inForce, Last: last(state.Succeeded)}, "succeeded"},
		{"failed", InstanceFacts{InForce: inForce, Last: last(state.Failed)}, "failed"},
		{"waiting", InstanceFacts{InForce: inForce, Last: last(state.Failed), Live: []*state.Build{{State: state.Queued}}}, "queued"},
		{"building", InstanceFacts{InForce: inForce, Live: []*state.Build{{State: state.Queued}, {State: state.Running}}}, "building"},
		{"assigned", InstanceFacts{InForce: inForce, Live: []*state.Build{{State: state.Assigned}}}, "building"},
		{"archived", InstanceFacts{InForce: inForce, Memory: &state.Instance{Archived: true}, Last: last(state.Failed)}, "archived"},
		{"archived while building", InstanceFacts{Memory: &state.Instance{Archived: true}, Live: []*state.Build{{State: state.Running}}}, "building"},
		{"bad", InstanceFacts{Fault: fault}, "bad manifest"},
		{"bad, but a good version is in force", InstanceFacts{InForce: inForce, Fault: fault, Last: last(state.Succeeded)}, "succeeded"},
		{"manifest taken away", InstanceFacts{Last: last(state.Succeeded)}, "no manifest"},
	}
	for _, tt := range tests {
		if got := OfInstance(tt.facts, 0, "").State; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestInstanceShowsItsNewestBuildAndItsErrors(t *testing.T) {
	v := OfInstance(InstanceFacts{
		Name: "shop", Last: &state.Last{Success: "shop-000001", Finished: state.Build{ID: "shop-000002"}},
		Live:    []*state.Build{{ID: "shop-000004", Number: 4}, {ID: "shop-000003", Number: 3}},
		Fault:   &state.Fault{Errors: manifests.Errors{{Place: manifests.Place{File: "shop.toml", Line: 3, Column: 1}, Message: "odd"}}},
		Refusal: &state.Refusal{Build: "shop-000002", Reason: "bogus"},
	}, 2, "http://shop.localhost/")
	if v.LastBuild != "shop-000004" || v.LastSuccess != "shop-000001" || v.File != "shop.toml" {
		t.Errorf("%+v: want shop-000004 last, shop-000001 the last success, shop.toml", v)
	}
	want := []string{"shop.toml:3:1: odd", "the watch file of build shop-000002 was refused: bogus"}
	if !slices.Equal(v.Errors, want) {
		t.Errorf("errors %q, want %q", v.Errors, want)
	}
	if v.URL != "" {
		t.Errorf("URL %q without an active AppServer", v.URL)
	}
}

func TestStateOfAnAgent(t *testing.T) {
	many := []string{"x-1", "x-2", "x-3", "x-4", "x-5", "x-6", "x-7"}
	tests := []struct {
		agent  state.Agent
		builds []string
		want   string
	}{
		{state.Agent{}, nil, "idle: "},
		{state.Agent{}, many[:1], "busy: "},
		{state.Agent{Draining: true}, many[:1], "draining: drained; it still builds x-1"},
		{state.Agent{Drained: true}, many, "draining: drained; it still builds x-1, x-2, x-3, x-4, x-5 and 2 more"},
		{state.Agent{Closed: "its disk is nearly full"}, many[:1], "closed: its disk is nearly full"},
		{state.Agent{Closed: "its disk is nearly full", Drained: true}, nil, "draining: drained, and has nothing left to build"},
	}
	for _, tt := range tests {
		v := OfAgent(&tt.agent, tt.builds...)
		if got := v.State + ": " + v.Why; got != tt.want || v.Running != len(tt.builds) {
			t.Errorf("%+v with %d builds: %q and %d, want %q", tt.agent, len(tt.builds), got, v.Running, tt.want)
		}
	}
}

func TestAgentThatIsGone(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for want, s := range map[string]state.Standing{
		"away: drained, and stopped":                                                {Drained: true},
		"lost: not heard of any more; what it built is done elsewhere":              {Lost: true},
		"lost: drained, and not heard of any more; what it built is done elsewhere": {Lost: true, Drained: true},
	} {
		s.Agent, s.GoneAt = "one", at
		if v := OfGone(&s); v.State+": "+v.Why != want || v.Name != "one" || v.Connected() || !v.GoneAt.Equal(at) {
			t.Errorf("got %+v, want %s", v, want)
		}
	}
	if v := OfAgent(&state.Agent{Name: "one"}); !v.Connected() {
		t.Errorf("%+v is not connected", v)
	}
}

func TestAppServerHasItsURLOnlyWhileActive(t *testing.T) {
	a := &state.AppServer{ID: "shop-000001.1", Wanted: state.Activate}
	if v := OfAppServer(a, false, "http://shop.localhost/"); v.URL != "" || v.Active || v.Doing != "activate" {
		t.Errorf("not active: %+v", v)
	}
	a.Operation = &state.Operation{Doing: state.Terminate, Error: "the host is away"}
	if v := OfAppServer(a, true, "http://shop.localhost/"); v.URL == "" || v.Doing != "terminate" || v.Error != "the host is away" {
		t.Errorf("active: %+v", v)
	}
}

// The JSON is a contract: snake_case, lists never null, no time that is none.
func TestJSONOfEmptyThings(t *testing.T) {
	for _, v := range []any{
		OfBuild(&state.Build{}), OfInstance(InstanceFacts{}, 0, ""), OfAgent(&state.Agent{}), OfGone(&state.Standing{}), OfAppServer(&state.AppServer{}, false, ""),
		Problems("", nil), Watch{}, Part{}, Info{}, Failure{},
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if s := string(text); strings.Contains(s, "null") || strings.Contains(s, "0001-01-01") || strings.ToLower(s) != s {
			t.Errorf("%T: %s", v, s)
		}
	}
}
