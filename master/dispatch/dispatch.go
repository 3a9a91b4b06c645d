// Package dispatch holds the conversation with the agents. It hands builds out,
// takes in what agents say of them, and is the only one that moves a build once
// it is queued: everything that any agent said meanwhile is stored together. It
// does not decide who builds what (assign) or what becomes of AppServers
// (activate).
package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/master/artifacts"
	"github.com/wright-build/wright/master/assign"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/secrets"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// Operations is told what agents say of operations.
type Operations interface {
	Done(ctx context.Context, appserver, operation, why string) error
}

// Credentials are what the builds of an instance open remotes with.
type Credentials interface {
	Of(instance string) []secrets.Opener
}

// Secrets are what manifests name, and what Wright makes for them.
type Secrets interface {
	Generate(ctx context.Context, name string, now time.Time) error
	ValueFor(instance, name string) (string, error)
}

// Config is what the room is made from.
type Config struct {
	Store        *store.Store
	Output       *logs.Logs
	Artifacts    *artifacts.Store // nil: none are kept
	Operations   Operations
	Credentials  Credentials     // nil: none
	Secrets      Secrets         // nil: none
	Refused      string          // directory in which bogus watch files are kept
	Hosts        watchlist.Hosts // where reports may lead the master
	Installation string          // tag of everything made outside
	Lease        time.Duration   // silence after which an agent counts as gone; default 30 s
	Log          *slog.Logger
}

// Dispatcher is the room. Run must run for anything to happen.
type Dispatcher struct {
	agentv1.UnimplementedAgentsServer
	Config

	inbox *inbox
	large chan struct{} // holds one for each large watch file being read

	// owned by Run
	batch    int              // how many updates the next transaction takes
	unstored map[attempt]word // ends that are not acknowledged before their output is stored
	due      time.Time        // when something follows from what is known of agents; zero: when that changes

	queue  sync.Mutex              // guards the two below
	board  *assign.Board           // who builds what next; told of every change by Run
	paused map[string]*state.Build // by ID: were lost, and are not on the board before their time

	draining sync.RWMutex // held while it is said who is drained; read while agents are enrolled

	mu       sync.Mutex // guards all below
	sessions map[string]*session
	parted   map[string]bool          // have taken leave, and their facts are still there
	reopened map[attempt]logs.Attempt // have ended, and their output is taken again

	unfinished map[logs.Attempt]bool // have ended, and there was no room to make their output durable
}

// New makes the room.
func New(cfg Config) *Dispatcher {
	if cfg.Lease == 0 {
		cfg.Lease = 30 * time.Second
	}
	return &Dispatcher{Config: cfg, inbox: newInbox(), large: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)), board: assign.NewBoard(), paused: map[string]*state.Build{}, batch: together, unstored: map[attempt]word{}, reopened: map[attempt]logs.Attempt{}, sessions: map[string]*session{}, parted: map[string]bool{}, unfinished: map[logs.Attempt]bool{}}
}

// Register makes the server answer agents.
func (d *Dispatcher) Register(s grpc.ServiceRegistrar) { agentv1.RegisterAgentsServer(s, d) }

// Run moves builds until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) error {
	sub := d.Store.Subscribe(state.KindInForce, state.KindBuild, state.KindAgent, state.KindAppServer, state.KindActive, state.KindStanding)
	defer d.Store.Unsubscribe(sub)
	late := time.NewTimer(0)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-late.C:
		case <-sub.Wake():
		case <-d.inbox.wake:
		case <-d.Output.Settled():
			d.releaseEnds()
		}
		if err := d.round(ctx, sub); err != nil && ctx.Err() == nil {
			d.Log.Warn("storing moves of builds; trying again", "error", err)
			d.recover(ctx, err)
		} else {
			d.finishAgain()
		}
		d.wind(late)
	}
}

// round stores what came in, then acts on what has changed.
func (d *Dispatcher) round(ctx context.Context, sub *store.Subscription) error {
	if err := d.takeIn(ctx); err != nil {
		return err
	}
	keys, all := sub.Take()
	err := d.act(ctx, sub, keys, all)
	if err != nil {
		sub.Return(keys, all) // what this round took is not lost but found again
	}
	return err
}

// act does what follows from facts that have changed.
func (d *Dispatcher) act(ctx context.Context, sub *store.Subscription, keys []state.Key, all bool) error {
	unsaid, err := d.stand(ctx, keys, all)
	if err != nil {
		return err
	}
	more, err := d.settleLosses(ctx, keys, all)
	if err != nil {
		return err
	}
	if more || unsaid {
		sub.Again()
	}
	d.follow(keys, all)
	if err := d.handOut(ctx); err != nil {
		return err
	}
	d.tell(keys, all)
	return nil
}

// recover makes the next round start from fresh facts.
func (d *Dispatcher) recover(ctx context.Context, err error) {
	d.inbox.nudge()
	if errors.Is(err, store.ErrConflict) {
		err = d.Store.CatchUp(ctx)
	}
	if err != nil {
		t := time.NewTimer(200 * time.Millisecond)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
}

// Cancel asks for the end of a build. A queued one ends at once, a running one
// when its agent has ended it; asked for again, without the steps that run after a
// cancel. One that has ended is state.ErrFinal.
func (d *Dispatcher) Cancel(ctx context.Context, id state.BuildID, why string) error {
	err := d.insist(ctx, func() (state.Write, error) {
		b, err := d.Store.Build(ctx, id)
		if err != nil {
			return state.Write{}, err
		}
		if b.State.Final() {
			return state.Write{}, fmt.Errorf("cancel build %s: %w", id, state.ErrFinal)
		}
		next := *b
		next.Enough = next.Cancel != ""
		next.Cancel = cmp.Or(next.Cancel, why, "cancelled")
		return next.Put(), nil
	})
	// gofail: var cancelUnanswered struct{}
	return err
}

// insist makes one write, deciding anew when somebody was faster.
func (d *Dispatcher) insist(ctx context.Context, decide func() (state.Write, error)) error {
	return d.insistAll(ctx, func() ([]state.Write, error) {
		w, err := decide()
		return []state.Write{w}, err
	})
}

// insistAll makes writes that belong together.
func (d *Dispatcher) insistAll(ctx context.Context, decide func() ([]state.Write, error)) error {
	for {
		writes, err := decide()
		if err != nil {
			return err
		}
		err = d.Store.CommitSeen(ctx, writes...)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if err := d.Store.CatchUp(ctx); err != nil {
			return err
		}
	}
}

func (d *Dispatcher) session(agent string) *session {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sessions[agent]
}
