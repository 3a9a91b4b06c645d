// Package schedule turns changes and people's wishes into requests: queued
// builds. Whether an instance is built because of changes is decided by Decide,
// purely and from the facts alone, so nothing is lost when the master dies
// anywhere. The package numbers builds and is the only one that makes them; it
// does not know agents, nor what becomes of a build.
package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// ErrNoInstance means that no manifest of that name is in force.
var ErrNoInstance = errors.New("no such instance is in force")

// ErrArchived means that the instance is archived and builds no more.
var ErrArchived = errors.New("the instance is archived")

// Request is a person's wish to build an instance.
type Request struct {
	Revision string // of the source; "": the newest
	Text     string // why, in a few words
	Kind     string // "person" (default), "retry"
}

// Scheduler is the room. Run must run for anything to happen.
type Scheduler struct {
	store *store.Store
	log   *slog.Logger
	asked chan *wish

	// owned by Run
	index watchlist.Index
	wakes map[string]time.Time // instances to decide about again
	timer *time.Timer
}

// wish is a request and where its answer goes.
type wish struct {
	instance string
	do       func(i *state.Instance, m *manifests.Manifest) (*state.Build, error)
	answer   chan answer
}

type answer struct {
	build state.Build
	err   error
}

// New makes the room.
func New(st *store.Store, log *slog.Logger) *Scheduler {
	return &Scheduler{store: st, log: log, asked: make(chan *wish, maxTogether), wakes: map[string]time.Time{}}
}

// Start requests a build of an instance and returns it, queued.
func (s *Scheduler) Start(ctx context.Context, instance string, r Request) (state.Build, error) {
	return s.ask(ctx, instance, r.build)
}

// StartMany requests count builds of an instance at once. On an error it
// returns those that were queued none the less.
func (s *Scheduler) StartMany(ctx context.Context, instance string, r Request, count int) ([]state.Build, error) {
	answers := make([]answer, count)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i].build, answers[i].err = s.ask(ctx, instance, r.build) })
	}
	all.Wait()
	var builds []state.Build
	var failed error
	for _, a := range answers {
		if a.err != nil {
			failed = a.err
			continue
		}
		builds = append(builds, a.build)
	}
	slices.SortFunc(builds, func(a, b state.Build) int { return cmp.Compare(a.Number, b.Number) })
	return builds, failed
}

// build is the next build of an instance.
func (r Request) build(i *state.Instance, m *manifests.Manifest) (*state.Build, error) {
	if m == nil {
		return nil, fmt.Errorf("build %s: %w", i.Name, ErrNoInstance)
	}
	if i.Archived {
		return nil, fmt.Errorf("build %s: %w; bring it back with `wright instance archive --undo %s`", i.Name, ErrArchived, i.Name)
	}
	why := state.Reason{Kind: cmp.Or(r.Kind, "person"), Text: r.Text}
	return newBuild(i, m, why, r.Revision, time.Now().UTC()), nil
}

// Archive says that an instance builds no more, or again.
func (s *Scheduler) Archive(ctx context.Context, instance string, archived bool) error {
	_, err := s.ask(ctx, instance, func(i *state.Instance, m *manifests.Manifest) (*state.Build, error) {
		if m == nil && i.Rev == 0 {
			return nil, fmt.Errorf("archive %s: %w", instance, ErrNoInstance)
		}
		i.Archived, i.Deleted = archived, false
		return nil, nil
	})
	return err
}

func (s *Scheduler) ask(ctx context.Context, instance string, do func(*state.Instance, *manifests.Manifest) (*state.Build, error)) (state.Build, error) {
	w := &wish{instance: instance, do: do, answer: make(chan answer, 1)}
	select {
	case s.asked <- w:
	case <-ctx.Done():
		return state.Build{}, ctx.Err()
	}
	select {
	case a := <-w.answer:
		return a.build, a.err
	case <-ctx.Done():
		return state.Build{}, ctx.Err()
	}
}

// newBuild takes the next number of the instance.
func newBuild(i *state.Instance, m *manifests.Manifest, why state.Reason, revision string, now time.Time) *state.Build {
	i.LastNumber, i.Deleted = i.LastNumber+1, false
	id := state.BuildID{Instance: m.Instance, Number: i.LastNumber}
	return &state.Build{
		ID: id.String(), Instance: id.Instance, Number: id.Number, State: state.Queued, Reason: why,
		Priority: m.Priority, Requires: state.Requirements(m), Revision: revision, Attempt: 1, QueuedAt: now,
	}
}

// Run decides until ctx ends.
func (s *Scheduler) Run(ctx context.Context) error {
	sub := s.store.Subscribe(state.KindInForce, state.KindInstance, state.KindRef, state.KindReport)
	defer s.store.Unsubscribe(sub)
	s.timer = time.NewTimer(time.Hour)
	defer s.timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sub.Wake():
			for name := range s.concerned(sub.Take()) {
				s.consider(ctx, name, time.Now().UTC())
			}
		case w := <-s.asked:
			s.grant(ctx, w)
		case now := <-s.timer.C:
			for name, at := range s.wakes {
				if !at.After(now) {
					s.consider(ctx, name, now.UTC())
				}
			}
		}
		s.setTimer(time.Now())
	}
}

func (s *Scheduler) setTimer(now time.Time) {
	next := now.Add(time.Hour)
	for _, at := range s.wakes {
		if at.Before(next) {
			next = at
		}
	}
	s.timer.Reset(max(next.Sub(now), time.Millisecond))
}

// concerned brings the index up to date and names the instances about which
// there may be something new to decide.
func (s *Scheduler) concerned(keys []state.Key, all bool) map[string]bool {
	names := map[string]bool{}
	s.store.Read(func(f *state.Facts) {
		if all {
			s.index = watchlist.Index{}
			for name := range f.Manifests {
				names[name] = true
				s.reindex(f, name)
			}
			return
		}
		for _, k := range keys {
			switch k.Kind {
			case state.KindInForce, state.KindReport:
				s.reindex(f, k.Name)
				names[k.Name] = true
			case state.KindInstance:
				names[k.Name] = true
			case state.KindRef:
				if ref := f.Refs[k.Name]; ref != nil {
					for _, name := range s.index.Instances(ref.Key()) {
						names[name] = true
					}
				}
			}
		}
	})
	return names
}

func (s *Scheduler) reindex(f *state.Facts, name string) {
	s.index.Set(name, watchlist.Merge(manifestOf(f, name), f.Reports[name]))
}

// consider decides about one instance and carries the verdict out.
func (s *Scheduler) consider(ctx context.Context, name string, now time.Time) {
	situation, waiting := s.situation(name)
	v := Decide(situation, now)
	delete(s.wakes, name)
	if !v.Wake.IsZero() {
		s.wakes[name] = v.Wake
	}
	if v.Build == nil && !v.remembers(situation.Instance) {
		return
	}
	i := situation.Instance
	i.Name, i.Seen = name, v.Seen
	var writes []state.Write
	if v.Build != nil {
		b := newBuild(&i, situation.Manifest, *v.Build, "", now)
		s.log.Info("build requested", "build", b.ID, "reason", b.Reason.Text)
		writes = append(writes, b.Put())
	}
	if len(v.Join) > 0 {
		// Written even where it says nothing new: if the build was handed out
		// meanwhile, or is just now from older facts, one of the two fails.
		waiting.Reason.Join(v.Join)
		writes = append(writes, waiting.Put())
	}
	s.conclude(ctx, name, now, append(writes, i.Put()))
}

// conclude stores what follows from a decision. If that fails the decision is
// made anew.
func (s *Scheduler) conclude(ctx context.Context, name string, now time.Time, writes []state.Write) {
	err := s.store.CommitSeen(ctx, writes...)
	if errors.Is(err, store.ErrConflict) {
		if err = s.store.CatchUp(ctx); err == nil {
			s.wakes[name] = now
		}
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("a decision could not be stored; deciding again", "instance", name, "error", err)
		s.wakes[name] = now.Add(time.Second)
	}
}

// situation is what is known of an instance, and a copy of its newest build if
// that waits for an agent and will fetch the newest of everything. An older one
// that waits again is no help: what it brings up is overtaken already.
func (s *Scheduler) situation(name string) (out Situation, waiting state.Build) {
	s.store.Read(func(f *state.Facts) {
		out.Manifest = manifestOf(f, name)
		if i := f.Instances[name]; i != nil {
			out.Instance = *i
		}
		for _, w := range watchlist.Merge(out.Manifest, f.Reports[name]) {
			out.Watches = append(out.Watches, Observed{w, f.Refs[state.RefName(w.Key())]})
		}
		for _, b := range f.OfInstance(name) {
			if b.Number == out.Instance.LastNumber && b.State == state.Queued && b.Revision == "" && b.Cancel == "" {
				out.Waiting, waiting = true, *b
			}
		}
	})
	return out, waiting
}

func manifestOf(f *state.Facts, name string) *manifests.Manifest {
	if m := f.Manifests[name]; m != nil {
		return m.Manifest
	}
	return nil
}
