// Package view holds what people and other programs see of the facts: the JSON
// of the API, which is a contract, and pure functions that make it. The server,
// the pages and the command line share it. It does not know where facts come
// from or who asks; nothing in it starts, waits or reads a clock.
//
// Keys are snake_case, times RFC 3339 and left out while there are none, lists
// are arrays and never null.
package view

import (
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Info is what a master says of itself.
type Info struct {
	Version   string `json:"version"`
	Instances int    `json:"instances"` // with a manifest in force
	Agents    int    `json:"agents"`
	Slots     int    `json:"slots"`
	Queued    int    `json:"queued"`
	Running   int    `json:"running"` // assigned ones included
	Errors    int    `json:"errors"`  // manifest files with errors
}

// Failure is the body of every answer that is not a success.
type Failure struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"` // what to do next
}

// Problem is one error in a manifest file.
type Problem struct {
	Instance string `json:"instance"` // or the file's name where that gives none
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Key      string `json:"key"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
}

// Problems shows the errors of one file.
func Problems(name string, errs manifests.Errors) []Problem {
	all := make([]Problem, 0, len(errs))
	for _, e := range errs {
		all = append(all, Problem{
			Instance: name, File: e.File, Line: e.Line, Column: e.Column, Key: e.Key, Message: e.Message, Hint: e.Hint,
		})
	}
	return all
}

// String is the problem as compilers write it: file:line:column: message.
func (p Problem) String() string {
	return (&manifests.Error{
		Place: manifests.Place{File: p.File, Line: p.Line, Column: p.Column}, Message: p.Message, Hint: p.Hint,
	}).Error()
}

// Agent is one connected worker.
type Agent struct {
	Name         string    `json:"name"`
	State        string    `json:"state"` // idle, busy, draining
	Slots        int       `json:"slots"`
	Running      int       `json:"running"`
	Capabilities []string  `json:"capabilities"`
	Plugins      []string  `json:"plugins"`
	Version      string    `json:"version"`
	ConnectedAt  time.Time `json:"connected_at,omitzero"`
}

// OfAgent shows an agent that has so many builds in its hands.
func OfAgent(a *state.Agent, running int) Agent {
	v := Agent{
		Name: a.Name, State: "idle", Slots: a.Slots, Running: running, Capabilities: list(a.Capabilities),
		Plugins: list(a.Plugins), Version: a.Version, ConnectedAt: a.ConnectedAt,
	}
	switch {
	case a.Draining || a.Drained: // by its own wish or a person's
		v.State = "draining"
	case running > 0:
		v.State = "busy"
	}
	return v
}

// AppServer is one immutable server.
type AppServer struct {
	ID        string    `json:"id"`
	Instance  string    `json:"instance"`
	Build     string    `json:"build"`
	State     string    `json:"state"`
	Active    bool      `json:"active"`
	Provider  string    `json:"provider"`
	Address   string    `json:"address"`       // host:port
	URL       string    `json:"url,omitempty"` // where people find it while it is active
	Agent     string    `json:"agent"`
	Doing     string    `json:"doing,omitempty"` // the operation under way or wanted
	Error     string    `json:"error,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// OfAppServer shows an AppServer. The URL is that of its instance.
func OfAppServer(a *state.AppServer, active bool, url string) AppServer {
	v := AppServer{
		ID: a.ID, Instance: a.Instance, Build: a.Build, State: string(a.State), Active: active, Provider: a.Provider,
		Address: a.Address, Agent: a.Agent, Doing: string(a.Wanted), Error: a.Error, CreatedAt: a.CreatedAt, EndedAt: a.EndedAt,
	}
	if active {
		v.URL = url
	}
	if op := a.Operation; op != nil {
		v.Doing = string(op.Doing)
		if v.Error == "" {
			v.Error = op.Error
		}
	}
	return v
}

// list is l, but never nil.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
