package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
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

	Properties map[string]string // see state.Build
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
	b := newBuild(i, m, r, why, time.Now().UTC())
	i.Hand = b.Number
	return b, nil
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
func newBuild(i *state.Instance, m *manifests.Manifest, r Request, why state.Reason, now time.Time) *state.Build {
	i.LastNumber, i.Deleted = i.LastNumber+1, false
	id := state.BuildID{Instance: m.Instance, Number: i.LastNumber}
	return &state.Build{
		ID: id.String(), Instance: id.Instance, Number: id.Number, State: state.Queued, Reason: why,
		Priority: m.Priority, Requires: state.Requirements(m), Where: m.Where, Revision: r.Revision, Properties: r.Properties, Attempt: 1, QueuedAt: now,
	}
}
