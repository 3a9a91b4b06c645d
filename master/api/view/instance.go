package view

import (
	"fmt"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Instance is what one manifest describes, and how it fares.
type Instance struct {
	Name            string    `json:"name"`
	InForce         bool      `json:"in_force"`
	State           string    `json:"state"`             // of its last build, or archived, building, queued, never built, bad manifest, no manifest
	Waiting         string    `json:"waiting,omitempty"` // why its last build is still queued
	LastBuild       string    `json:"last_build"`
	LastBuildAt     time.Time `json:"last_build_at,omitzero"`
	LastSuccess     string    `json:"last_success"`
	ActiveAppServer string    `json:"active_appserver"`
	Address         string    `json:"address"` // host:port of the active AppServer
	URL             string    `json:"url"`     // where people find it
	Watches         int       `json:"watches"`
	Errors          []string  `json:"errors"`
	Archived        bool      `json:"archived"`
	File            string    `json:"file"`
	Manifest        Manifest  `json:"manifest"` // in force, or else the one with errors
}

// InstanceFacts are the facts about one instance; any of them may be nil.
type InstanceFacts struct {
	Name    string
	InForce *state.InForce
	Fault   *state.Fault
	Memory  *state.Instance
	Last    *state.Last
	Report  *state.Report
	Refusal *state.Refusal
	Active  *state.Active
	Server  *state.AppServer // the active one
	Live    []*state.Build   // in any order
}

// FactsOf collects what the facts say about an instance. Known is false when
// they say nothing.
func FactsOf(f *state.Facts, name string) (facts InstanceFacts, known bool) {
	i := InstanceFacts{
		Name: name, InForce: f.Manifests[name], Fault: f.Faults[name], Memory: f.Instances[name], Last: f.Lasts[name],
		Report: f.Reports[name], Refusal: f.Refusals[name], Active: f.Actives[name],
	}
	if i.Active != nil {
		i.Server = f.AppServers[i.Active.AppServer]
	}
	for _, b := range f.OfInstance(name) {
		i.Live = append(i.Live, b)
	}
	return i, i.InForce != nil || i.Fault != nil || i.Memory != nil && !i.Memory.Deleted || len(i.Live) > 0 || len(f.Servers(name)) > 0
}

// Names lists the instances that the facts know: those in force or with
// errors, and those without a manifest that still have builds or AppServers.
func Names(f *state.Facts) map[string]bool {
	names := map[string]bool{}
	for name := range f.Manifests {
		names[name] = true
	}
	for name := range f.Faults {
		names[name] = true
	}
	for _, b := range f.Builds {
		names[b.Instance] = true
	}
	for _, a := range f.AppServers {
		names[a.Instance] = true
	}
	return names
}

// Manifest is the manifest in force, or nil.
func (i InstanceFacts) Manifest() *manifests.Manifest {
	if i.InForce == nil {
		return nil
	}
	return i.InForce.Manifest
}

// OfInstance shows an instance that has so many watches and is found at url.
func OfInstance(i InstanceFacts, watches int, url string) Instance {
	v := Instance{
		Name: i.Name, InForce: i.InForce != nil, State: i.state(), Watches: watches, Errors: i.errors(),
		Archived: i.Memory != nil && i.Memory.Archived,
	}
	if i.InForce != nil {
		v.Manifest = Manifest{i.InForce.File, Origin(i.InForce.Origin)}
	} else if i.Fault != nil && len(i.Fault.Errors) > 0 {
		v.Manifest = Manifest{i.Fault.Errors[0].File, Origin(i.Fault.Origin)}
	}
	v.File = v.Manifest.File
	if i.Last != nil {
		v.LastBuild, v.LastBuildAt, v.LastSuccess = i.Last.Finished.ID, i.Last.Finished.EndedAt, i.Last.Success
	}
	if b := i.Newest(); b != nil {
		v.LastBuild, v.LastBuildAt = b.ID, b.QueuedAt
	}
	if i.Server != nil {
		v.ActiveAppServer, v.Address, v.URL = i.Server.ID, i.Server.Address, url
	}
	return v
}

// Newest is the newest live build, nil if there is none.
func (i InstanceFacts) Newest() *state.Build {
	var newest *state.Build
	for _, b := range i.Live {
		if newest == nil || b.Number > newest.Number {
			newest = b
		}
	}
	return newest
}

func (i InstanceFacts) state() string {
	waiting := ""
	for _, b := range i.Live {
		if b.State != state.Queued {
			return "building"
		}
		waiting = "queued"
	}
	switch {
	case waiting != "":
		return waiting
	case i.Memory != nil && i.Memory.Archived:
		return "archived"
	case i.InForce == nil && i.Fault != nil:
		return "bad manifest"
	case i.InForce == nil:
		return "no manifest"
	case i.Last == nil:
		return "never built"
	}
	return string(i.Last.Finished.State)
}

func (i InstanceFacts) errors() []string {
	all := []string{}
	if i.Fault != nil {
		for _, p := range ProblemsOf(i.Fault) {
			all = append(all, p.String())
		}
	}
	if r := i.Refusal; r != nil {
		all = append(all, fmt.Sprintf("the watch file of build %s was refused: %s", r.Build, r.Reason))
	}
	return all
}
