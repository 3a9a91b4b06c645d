// Package view holds what people and other programs see of the facts: the JSON
// of the API, which is a contract, and pure functions that make it. The server,
// the pages and the command line share it. It does not know where facts come
// from or who asks; nothing in it starts, waits or reads a clock.
//
// Keys are snake_case, times RFC 3339 and left out while there are none, lists
// are arrays and never null.
package view

import (
	"fmt"
	"strings"
	"time"

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

// Agent is one worker, connected or not.
type Agent struct {
	Name         string    `json:"name"`
	State        string    `json:"state"`            // idle, busy, draining, closed; not connected: lost, away
	Why          string    `json:"why,omitempty"`    // it does not build more; absent: it is about to
	Closed       string    `json:"closed,omitempty"` // why it takes no more work for now
	Slots        int       `json:"slots"`
	Running      int       `json:"running"`
	Capabilities []string  `json:"capabilities"`
	Plugins      []string  `json:"plugins"`
	Pools        []string  `json:"pools"`
	Version      string    `json:"version"`
	ConnectedAt  time.Time `json:"connected_at,omitzero"`
	Deadline     time.Time `json:"deadline,omitzero"` // of a drained one: what it still builds then is done elsewhere
	GoneAt       time.Time `json:"gone_at,omitzero"`  // not connected since
}

// OfAgent shows an agent with the builds in its hands.
func OfAgent(a *state.Agent, builds ...string) Agent {
	v := Agent{
		Name: a.Name, State: "idle", Slots: a.Slots, Running: len(builds), Capabilities: list(a.Capabilities),
		Plugins: list(a.Plugins), Pools: list(a.Pools), Version: a.Version, ConnectedAt: a.ConnectedAt,
	}
	switch {
	case a.Draining || a.Drained: // by its own wish or a person's
		v.State, v.Why = "draining", "drained, and has nothing left to build"
		if len(builds) > 0 {
			v.Why = "drained; it still builds " + some(builds)
		}
	case a.Closed != "":
		v.State, v.Closed, v.Why = "closed", a.Closed, a.Closed
	case len(builds) > 0:
		v.State = "busy"
	}
	return v
}

// some names builds, not too many.
func some(builds []string) string {
	const most = 5
	if more := len(builds) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(builds[:most], ", "), more)
	}
	return strings.Join(builds, ", ")
}

// Connected says whether the agent is there.
func (a Agent) Connected() bool { return a.GoneAt.IsZero() }

// OfGone shows an agent that is not connected.
func OfGone(s *state.Standing) Agent {
	v := Agent{
		Name: s.Agent, State: "away", Why: "drained, and stopped", Deadline: s.Deadline, GoneAt: s.GoneAt,
		Capabilities: []string{}, Plugins: []string{}, Pools: []string{},
	}
	if !s.Lost {
		return v
	}
	v.State, v.Why = "lost", "not heard of any more; what it built is done elsewhere"
	if s.Drained {
		v.Why = "drained, and " + v.Why
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
	Doing     string    `json:"doing,omitempty"`   // the operation under way or wanted
	Waiting   string    `json:"waiting,omitempty"` // what the operation waits for
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
