package view

import (
	"maps"
	"time"

	"github.com/wright-build/wright/master/state"
)

// Build is one request carried out, maybe in several attempts.
type Build struct {
	ID         string            `json:"id"`
	Instance   string            `json:"instance"`
	Number     int64             `json:"number"`
	State      string            `json:"state"`
	Reason     string            `json:"reason"`
	Kind       string            `json:"kind"` // change, person, retry, periodic, hook
	Changes    []Change          `json:"changes"`
	Phase      string            `json:"phase,omitempty"`
	Waiting    string            `json:"waiting,omitempty"` // why it is still queued
	Agent      string            `json:"agent"`
	Attempt    int               `json:"attempt"`
	Revisions  map[string]string `json:"revisions"` // by URL
	QueuedAt   time.Time         `json:"queued_at,omitzero"`
	StartedAt  time.Time         `json:"started_at,omitzero"`
	FinishedAt time.Time         `json:"finished_at,omitzero"`
	AppServer  string            `json:"appserver"`
	Matrix     []string          `json:"matrix,omitempty"` // the versions that it is for
	Warnings   int64             `json:"warnings,omitempty"`
	Tests      *Tests            `json:"tests,omitempty"`  // counted; nil: none was reported
	Flaky      string            `json:"flaky,omitempty"`  // an earlier build that failed at the same revisions
	Cancel     string            `json:"cancel,omitempty"` // why somebody wants it ended
	Error      string            `json:"error"`

	Properties map[string]string `json:"properties,omitempty"`
	Expired    bool              `json:"expired,omitempty"` // its output and artifacts were kept long enough, and are removed
}

// Change is one observed movement of a watched ref.
type Change struct {
	URL string `json:"url"`
	Ref string `json:"ref"`
	Old string `json:"old"`
	New string `json:"new"`
}

// OfBuild shows a build.
func OfBuild(b *state.Build) Build {
	v := Build{
		ID: b.ID, Instance: b.Instance, Number: b.Number, State: string(b.State), Reason: b.Reason.Text,
		Kind: b.Reason.Kind, Changes: make([]Change, 0, len(b.Reason.Changes)), Phase: b.Phase, Agent: b.Agent,
		Attempt: b.Attempt, Revisions: maps.Clone(b.Revisions), QueuedAt: b.QueuedAt, StartedAt: b.StartedAt,
		FinishedAt: b.EndedAt, AppServer: b.AppServer, Matrix: b.Matrix, Flaky: b.Flaky, Warnings: b.Warnings, Error: b.Error, Properties: b.Properties,
	}
	if v.Revisions == nil {
		v.Revisions = map[string]string{}
	}
	if t := b.Tests; t != nil {
		v.Tests = &Tests{Passed: t.Passed, Failed: t.Failed, Errored: t.Errored, Skipped: t.Skipped}
	}
	if !b.State.Final() {
		v.Cancel = b.Cancel
	}
	for _, c := range b.Reason.Changes {
		v.Changes = append(v.Changes, Change(c))
	}
	return v
}

// Ended says whether the build is over.
func (b Build) Ended() bool { return state.BuildState(b.State).Final() }

// Succeeded says whether it came to a good end.
func (b Build) Succeeded() bool { return b.State == string(state.Succeeded) }

// Part is one part of a build's output: part 0 is what Wright itself says,
// the others are its steps in order.
type Part struct {
	Part    int    `json:"part"`
	Name    string `json:"name"`
	Size    int64  `json:"size"` // bytes
	Ended   bool   `json:"ended"`
	Attempt int    `json:"attempt"`
}
