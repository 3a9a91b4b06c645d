package view

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

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
	tests := []struct {
		agent   state.Agent
		running int
		want    string
	}{
		{state.Agent{}, 0, "idle"},
		{state.Agent{}, 1, "busy"},
		{state.Agent{Draining: true}, 1, "draining"},
		{state.Agent{Drained: true}, 1, "draining"},
	}
	for _, tt := range tests {
		if got := OfAgent(&tt.agent, tt.running).State; got != tt.want {
			t.Errorf("%+v with %d builds: %q, want %q", tt.agent, tt.running, got, tt.want)
		}
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
		OfBuild(&state.Build{}), OfInstance(InstanceFacts{}, 0, ""), OfAgent(&state.Agent{}, 0), OfAppServer(&state.AppServer{}, false, ""),
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
