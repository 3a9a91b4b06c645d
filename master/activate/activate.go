// Package activate decides what becomes of the AppServers that builds brought
// up: which one of an instance is active, which are kept, which end. Decide is
// pure; the room around it stores the verdicts. Operations that they take are
// facts too, carried to the agents by others: this package knows no agent, no
// cloud, no DNS and no balancer.
package activate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// Activator is the room. Run must run for anything to happen.
type Activator struct {
	store *store.Store
	log   *slog.Logger
	wakes map[string]time.Time // owned by Run
}

// New makes the room.
func New(st *store.Store, log *slog.Logger) *Activator {
	return &Activator{store: st, log: log, wakes: map[string]time.Time{}}
}

// Run decides until ctx ends.
func (a *Activator) Run(ctx context.Context) error {
	sub := a.store.Subscribe(state.KindAppServer, state.KindActive)
	defer a.store.Unsubscribe(sub)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sub.Wake():
			for name := range a.concerned(sub.Take()) {
				a.consider(ctx, name, time.Now().UTC())
			}
		case now := <-timer.C:
			for name, at := range a.wakes {
				if !at.After(now) {
					a.consider(ctx, name, now.UTC())
				}
			}
		}
		timer.Reset(a.untilNext(time.Now()))
	}
}

func (a *Activator) untilNext(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	for _, at := range a.wakes {
		if at.Before(next) {
			next = at
		}
	}
	return max(next.Sub(now), time.Millisecond)
}

func (a *Activator) concerned(keys []state.Key, all bool) map[string]bool {
	names := map[string]bool{}
	a.store.Read(func(f *state.Facts) {
		if all {
			for _, s := range f.AppServers {
				names[s.Instance] = true
			}
		}
		for _, k := range keys {
			if s := f.AppServers[k.Name]; k.Kind == state.KindAppServer && s != nil {
				names[s.Instance] = true
			} else if k.Kind == state.KindActive {
				names[k.Name] = true
			}
		}
	})
	return names
}

func (a *Activator) consider(ctx context.Context, name string, now time.Time) {
	v := Decide(a.situation(name), now, rand.Text)
	delete(a.wakes, name)
	if !v.Wake.IsZero() {
		a.wakes[name] = v.Wake
	}
	var writes []state.Write
	if v.Active != nil {
		a.log.Info("active AppServer", "instance", name, "appserver", v.Active.AppServer)
		// gofail: var activeUnstored struct{}
		writes = append(writes, v.Active.Put())
	}
	for _, s := range v.Servers {
		writes = append(writes, s.Put())
	}
	for _, s := range v.Gone {
		a.log.Info("AppServer terminated", "appserver", s.ID)
		// gofail: var goneUnstored struct{}
		writes = append(writes, s.Finish()...)
	}
	if len(writes) == 0 {
		return
	}
	// gofail: var fateUnstored struct{}
	err := a.store.CommitSeen(ctx, writes...)
	// gofail: var fateStored struct{}
	if err != nil && ctx.Err() == nil {
		a.wakes[name] = now.Add(100 * time.Millisecond)
		if !errors.Is(err, store.ErrConflict) {
			a.log.Error("a decision could not be stored; deciding again", "instance", name, "error", err)
		}
	}
}

func (a *Activator) situation(name string) Situation {
	s := Situation{Instance: name}
	a.store.Read(func(f *state.Facts) {
		s.Active = f.Actives[name]
		for _, server := range f.Servers(name) {
			s.Servers = append(s.Servers, server)
		}
	})
	return s
}

// Want records what a person asks for; the decision follows at once.
func (a *Activator) Want(ctx context.Context, id string, doing state.Doing) error {
	return a.change(ctx, id, func(s state.AppServer) (state.AppServer, error) { return Wish(s, doing) })
}

// Forget records that a person gives up what is left of an AppServer.
func (a *Activator) Forget(ctx context.Context, id string) error { return a.change(ctx, id, Forget) }

// Done records what an agent says of an operation: an empty why means that it
// is done. Of an operation that is no longer wanted it says nothing.
func (a *Activator) Done(ctx context.Context, id, operation, why string) error {
	err := a.change(ctx, id, func(s state.AppServer) (state.AppServer, error) {
		if s.Operation == nil || s.Operation.ID != operation {
			return s, errNothing
		}
		op := *s.Operation
		if why == "" {
			op.Done = true
		} else {
			op = Failed(op, why, time.Now().UTC())
		}
		s.Operation = &op
		return s, nil
	})
	// gofail: var operationNoted struct{}
	if errors.Is(err, errNothing) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

var errNothing = errors.New("nothing to change")

// change applies a move to one AppServer, again when somebody was faster.
func (a *Activator) change(ctx context.Context, id string, move func(state.AppServer) (state.AppServer, error)) error {
	for {
		var now *state.AppServer
		a.store.Read(func(f *state.Facts) { now = f.AppServers[id] })
		if now == nil {
			return fmt.Errorf("AppServer %s: %w", id, store.ErrNotFound)
		}
		next, err := move(*now)
		if err != nil {
			return err
		}
		err = a.store.CommitSeen(ctx, next.Put())
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if err := a.store.CatchUp(ctx); err != nil {
			return err
		}
	}
}
