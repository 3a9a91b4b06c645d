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
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/master/assign"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// Operations is told what agents say of operations.
type Operations interface {
	Done(ctx context.Context, appserver, operation, why string) error
}

// Config is what the room is made from.
type Config struct {
	Store        *store.Store
	Output       *logs.Logs
	Operations   Operations
	Refused      string        // directory in which bogus watch files are kept
	Installation string        // tag of everything made outside
	Lease        time.Duration // silence after which an agent counts as gone; default 30 s
	Log          *slog.Logger
}

// Dispatcher is the room. Run must run for anything to happen.
type Dispatcher struct {
	agentv1.UnimplementedAgentsServer
	Config

	inbox *inbox

	// owned by Run
	offers map[string]offer // by agent
	batch  int              // how many updates the next transaction takes

	mu       sync.Mutex // guards all below
	sessions map[string]*session
}

// offer is what an agent offers, read once per version of its fact.
type offer struct {
	rev   int64
	offer assign.Offer
}

// New makes the room.
func New(cfg Config) *Dispatcher {
	if cfg.Lease == 0 {
		cfg.Lease = 30 * time.Second
	}
	return &Dispatcher{Config: cfg, inbox: newInbox(), offers: map[string]offer{}, batch: together, sessions: map[string]*session{}}
}

// Register makes the server answer agents.
func (d *Dispatcher) Register(s grpc.ServiceRegistrar) { agentv1.RegisterAgentsServer(s, d) }

// Run moves builds until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) error {
	sub := d.Store.Subscribe(state.KindInForce, state.KindBuild, state.KindAgent, state.KindAppServer, state.KindActive)
	defer d.Store.Unsubscribe(sub)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sub.Wake():
		case <-d.inbox.wake:
		}
		if err := d.round(ctx, sub); err != nil && ctx.Err() == nil {
			d.Log.Warn("storing moves of builds; trying again", "error", err)
			d.recover(ctx, sub, err)
		}
	}
}

// round stores what came in, then acts on what has changed.
func (d *Dispatcher) round(ctx context.Context, sub *store.Subscription) error {
	if err := d.takeIn(ctx); err != nil {
		return err
	}
	keys, all := sub.Take()
	more, err := d.settleLosses(ctx, keys, all)
	if err != nil {
		return err
	}
	if more {
		sub.Again()
	}
	if err := d.handOut(ctx); err != nil {
		return err
	}
	d.tell(keys, all)
	return nil
}

// recover makes the next round start from fresh facts and look at everything:
// what this one took is not lost but found again.
func (d *Dispatcher) recover(ctx context.Context, sub *store.Subscription, err error) {
	sub.Again()
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
// when its agent has ended it; one that has ended is state.ErrFinal.
func (d *Dispatcher) Cancel(ctx context.Context, id state.BuildID, why string) error {
	return d.insist(ctx, func() (state.Write, error) {
		b, err := d.Store.Build(ctx, id)
		if err != nil {
			return state.Write{}, err
		}
		if b.State.Final() {
			return state.Write{}, fmt.Errorf("cancel build %s: %w", id, state.ErrFinal)
		}
		next := *b
		next.Cancel = cmp.Or(next.Cancel, why, "cancelled")
		return next.Put(), nil
	})
}

// Drain says whether an agent is to get no more work, until it is said
// otherwise or the agent is gone for the length of its lease.
func (d *Dispatcher) Drain(ctx context.Context, name string, drain bool) error {
	return d.insist(ctx, func() (state.Write, error) {
		var agent *state.Agent
		d.Store.Read(func(f *state.Facts) { agent = f.Agents[name] })
		if agent == nil {
			return state.Write{}, fmt.Errorf("agent %s: %w", name, store.ErrNotFound)
		}
		next := *agent
		next.Drained = drain
		return next.Put().Under(agent.Lease), nil
	})
}

// insist makes one write, deciding anew when somebody was faster.
func (d *Dispatcher) insist(ctx context.Context, decide func() (state.Write, error)) error {
	for {
		w, err := decide()
		if err != nil {
			return err
		}
		err = d.Store.CommitSeen(ctx, w)
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
