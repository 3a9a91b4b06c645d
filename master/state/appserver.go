package state

import (
	"fmt"
	"time"

	"github.com/wright-build/wright/manifests"
)

// AppServerState is where an AppServer stands. Whether it is active is not its
// own affair: see Active.
type AppServerState string

// The states of an AppServer.
const (
	Planned     AppServerState = "planned" // its token is written down; nothing may exist yet
	Spawned     AppServerState = "spawned"
	Healthy     AppServerState = "healthy"
	Terminating AppServerState = "terminating"
	Terminated  AppServerState = "terminated"
)

// appServerMoves is the whole life of an AppServer. It is immutable, never
// repaired: every state leads forward, in the end to Terminated.
func appServerMoves(from AppServerState) []AppServerState {
	switch from {
	case Planned:
		return []AppServerState{Spawned, Healthy, Terminating}
	case Spawned:
		return []AppServerState{Healthy, Terminating}
	case Healthy:
		return []AppServerState{Terminating}
	case Terminating:
		return []AppServerState{Terminated}
	default:
		return nil
	}
}

// MayMove says whether an AppServer may go from s to the state given.
func (s AppServerState) MayMove(to AppServerState) bool {
	for _, next := range appServerMoves(s) {
		if next == to {
			return true
		}
	}
	return false
}

// Doing names an operation.
type Doing string

// The operations.
const (
	Activate   Doing = "activate"
	Deactivate Doing = "deactivate"
	Terminate  Doing = "terminate"
)

// Operation is what an agent is to do to an AppServer outside a build. It stays
// until the agent has done it; a failed try is repeated after NotBefore.
type Operation struct {
	ID        string    `json:"id"`
	Doing     Doing     `json:"doing"`
	Tries     int       `json:"tries"`
	Done      bool      `json:"done,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	Error     string    `json:"error,omitempty"`
}

// AppServer is an immutable server made by a build. Planned by dispatch before
// anything is made; moved by what its agent says (dispatch) and by what
// follows from that (activate).
type AppServer struct {
	Meta
	ID        string               `json:"id"`
	Instance  string               `json:"instance"`
	Build     string               `json:"build"`
	Number    int64                `json:"number"`
	Attempt   int                  `json:"attempt"`
	Agent     string               `json:"agent"`
	State     AppServerState       `json:"state"`
	Provider  string               `json:"provider"`
	Address   string               `json:"address,omitempty"` // host:port
	Manually  bool                 `json:"manually,omitempty"`
	Keep      int                  `json:"keep"`
	DNS       *manifests.DNS       `json:"dns,omitempty"`
	Balancer  *manifests.Balancer  `json:"balancer,omitempty"`
	Databases []manifests.Database `json:"databases,omitempty"`
	Wanted    Doing                `json:"wanted,omitempty"`    // by a person
	Forgotten bool                 `json:"forgotten,omitempty"` // a person gave up what is left of it
	Operation *Operation           `json:"operation,omitempty"`
	Good      bool                 `json:"good,omitempty"` // its build succeeded
	Error     string               `json:"error,omitempty"`
	CreatedAt time.Time            `json:"created_at"`
	IdleSince time.Time            `json:"idle_since,omitzero"` // when it stopped being active
	EndedAt   time.Time            `json:"ended_at,omitzero"`
}

// Plan writes down the AppServer that an attempt of a build is going to make.
func Plan(b *Build, m *manifests.Manifest, now time.Time) AppServer {
	keep := max(m.AppServer.Keep, 1)
	return AppServer{
		ID: AppServerID(b.ID, b.Attempt), Instance: b.Instance, Build: b.ID, Number: b.Number,
		Attempt: b.Attempt, Agent: b.Agent, State: Planned, Provider: m.AppServer.Cloud,
		Manually: m.AppServer.Activate == manifests.Manually, Keep: keep,
		DNS: m.DNS, Balancer: m.Balancer, Databases: m.Databases, CreatedAt: now,
	}
}

// Named says whether providers make a name lead to it: then it takes an
// operation to activate it, and to deactivate it.
func (a *AppServer) Named() bool { return a.DNS != nil || a.Balancer != nil }

// Waiting says whether an agent is to do an operation that is not done yet.
func (a *AppServer) Waiting() bool {
	return a.Operation != nil && !a.Operation.Done && a.Operation.Error == ""
}

// Advance moves an AppServer forward; to where it already is or was, it does
// nothing.
func (a AppServer) Advance(to AppServerState, address string) AppServer {
	if a.State.MayMove(to) {
		a.State = to
	}
	if address != "" && a.Address == "" {
		a.Address = address
	}
	return a
}

// Doom starts the end of an AppServer.
func (a AppServer) Doom(why string) (AppServer, error) {
	if !a.State.MayMove(Terminating) {
		return a, fmt.Errorf("terminate AppServer %s, which is %s: %w", a.ID, a.State, ErrMove)
	}
	a.State, a.Error, a.Wanted, a.Operation = Terminating, why, "", nil
	return a, nil
}

// MaxActivations is how often an activation is tried before it has failed.
const MaxActivations = 5

// Outcome is what became of an AppServer that a build brought up.
type Outcome string

// The outcomes.
const (
	Pending   Outcome = ""
	Activated Outcome = "activated"
	Overtaken Outcome = "overtaken" // a newer build's is active
	Standby   Outcome = "standby"   // it is activated manually
	Refused   Outcome = "failed"
)

// Outcome says whether the build that waits for its AppServer may end. act
// may be nil.
func (a *AppServer) Outcome(act *Active) Outcome {
	switch {
	case act != nil && act.AppServer == a.ID:
		return Activated
	case a.State == Terminating || a.State == Terminated:
		return Refused
	case a.State != Healthy:
		return Pending
	case a.Manually:
		return Standby
	case a.GivenUp():
		return Refused
	case act != nil && a.Number <= act.Highest:
		return Overtaken
	}
	return Pending
}

// GivenUp says whether its activation has failed for good. The failed operation
// stays as the sign of that, until a person wants it once more.
func (a *AppServer) GivenUp() bool {
	return a.Operation != nil && a.Operation.Doing == Activate && a.Operation.Tries >= MaxActivations
}
