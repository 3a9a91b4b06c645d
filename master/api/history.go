package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
	maxScan      = 20000 // finished builds read to find those in a state
)

// Filter says which builds are wanted.
type Filter struct {
	Instance string           // "": all
	State    state.BuildState // "": any
	Limit    int              // at most 1000; default 50
}

func (f Filter) wants(b *state.Build) bool {
	return (f.Instance == "" || b.Instance == f.Instance) && (f.State == "" || b.State == f.State)
}

// Builds lists builds, live and finished ones, the newest first.
func (q Queries) Builds(ctx context.Context, f Filter) ([]view.Build, error) {
	f.Limit = min(max(f.Limit, 0), maxLimit)
	if f.Limit == 0 {
		f.Limit = defaultLimit
	}
	live, lasts, err := q.liveBuilds(f)
	if err != nil {
		return nil, err
	}
	all := newestFirst(live, f.Limit)
	if f.State == "" || f.State.Final() {
		if all, err = q.addFinished(ctx, f, all, lasts); err != nil {
			return nil, err
		}
	}
	return q.View(all...), nil
}

// liveBuilds gives the live builds, and of each instance the last finished
// one: instances that never finished any have no history to look into.
func (q Queries) liveBuilds(f Filter) (live []*state.Build, lasts []*state.Last, err error) {
	known := f.Instance == ""
	q.store.Read(func(facts *state.Facts) {
		if !known {
			_, known = view.FactsOf(facts, f.Instance)
		}
		var last *state.Build // of as many as are asked for: thousands may be queued, and few are
		for _, b := range facts.Builds {
			if !f.wants(b) || last != nil && newer(last, b) < 0 {
				continue
			}
			if live = append(live, b); len(live) > 2*f.Limit+100 {
				live = newestFirst(live, f.Limit)
				last = live[len(live)-1]
			}
		}
		for name, l := range facts.Lasts {
			if f.Instance == "" || f.Instance == name {
				lasts = append(lasts, l)
			}
		}
	})
	if !known && len(lasts) == 0 {
		err = fail(http.StatusNotFound, "wright instance list shows all of them", "no instance is called %.80q", f.Instance)
	}
	return live, lasts, err
}

// addFinished looks into the history of one instance after the other, those
// first that finished a build last, until older ones cannot matter any more.
func (q Queries) addFinished(ctx context.Context, f Filter, all []*state.Build, lasts []*state.Last) ([]*state.Build, error) {
	slices.SortFunc(lasts, func(a, b *state.Last) int { return b.Finished.QueuedAt.Compare(a.Finished.QueuedAt) })
	for _, l := range lasts {
		if len(all) >= f.Limit && all[f.Limit-1].QueuedAt.After(l.Finished.QueuedAt) {
			break
		}
		done, err := q.finished(ctx, l.Instance, f, max(defaultLimit, maxScan/len(lasts)))
		if err != nil {
			return nil, err
		}
		all = newestFirst(append(all, done...), f.Limit)
	}
	return all, nil
}

// finished reads no more than so many builds of an instance, however many there
// are.
func (q Queries) finished(ctx context.Context, instance string, f Filter, most int) ([]*state.Build, error) {
	if f.State == "" {
		return q.store.Finished(ctx, instance, 0, f.Limit)
	}
	var found []*state.Build
	before := int64(0)
	for scanned := 0; scanned < most && len(found) < f.Limit; scanned += maxLimit {
		page, err := q.store.Finished(ctx, instance, before, min(most-scanned, maxLimit))
		if err != nil || len(page) == 0 {
			return found, err
		}
		for _, b := range page {
			if f.wants(b) {
				found = append(found, b)
			}
		}
		before = page[len(page)-1].Number
	}
	return found, nil
}

// newestFirst sorts builds and drops what is twice, as a build is that ends
// between two reads, and what is beyond limit.
func newestFirst(all []*state.Build, limit int) []*state.Build {
	slices.SortFunc(all, newer)
	all = slices.CompactFunc(all, func(a, b *state.Build) bool { return a.ID == b.ID })
	return all[:min(len(all), limit)]
}

// newer is below 0 if a stands before b; what has ended stands before what it was.
func newer(a, b *state.Build) int {
	return cmp.Or(b.QueuedAt.Compare(a.QueuedAt), cmp.Compare(a.Instance, b.Instance), cmp.Compare(b.Number, a.Number),
		cmp.Compare(ended(b), ended(a)))
}

func ended(b *state.Build) int {
	if b.State.Final() {
		return 1
	}
	return 0
}

// Build finds a build by its ID, such as shop-000012 or shop-12, or the newest
// one of an instance by that one's name.
func (q Queries) Build(ctx context.Context, id string) (*state.Build, error) {
	parsed, parseErr := state.ParseBuildID(id)
	if parseErr == nil {
		b, err := q.store.Build(ctx, parsed)
		if !errors.Is(err, store.ErrNotFound) {
			return b, err
		}
	}
	if _, err := q.Facts(id); err == nil {
		return q.newest(ctx, id)
	}
	const hint = "wright build list shows the builds"
	if parseErr != nil {
		return nil, fail(http.StatusNotFound, hint, "no build and no instance is called %.80q", id)
	}
	return nil, fail(http.StatusNotFound, hint, "there is no build %s", parsed)
}

func (q Queries) newest(ctx context.Context, instance string) (*state.Build, error) {
	i, _ := q.Facts(instance)
	done, err := q.store.Finished(ctx, instance, 0, 1)
	if err != nil {
		return nil, err
	}
	var newest *state.Build
	for _, b := range append(done, i.Live...) {
		if newest == nil || b.Number > newest.Number {
			newest = b
		}
	}
	if newest == nil {
		return nil, fail(http.StatusNotFound, "start one with: wright build start "+instance,
			"instance %s was never built", instance)
	}
	return newest, nil
}

// AwaitBuild waits until a build is as the caller wants it or ctx ends, and
// returns it as it is then.
func (q Queries) AwaitBuild(ctx context.Context, b *state.Build, wanted func(*state.Build) bool) (*state.Build, error) {
	for !b.State.Final() && !wanted(b) && ctx.Err() == nil {
		rev, live := q.store.Revision(), false
		err := q.store.Await(ctx, func(f *state.Facts) bool {
			now := f.Builds[b.ID]
			live = now != nil
			return now == nil || wanted(now)
		})
		if err != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("wait for build %s: %w", b.ID, err)
		}
		if b, err = q.store.Build(context.WithoutCancel(ctx), b.BuildID()); err != nil {
			return nil, err
		}
		if !live && !b.State.Final() { // so new that the live facts lack it
			_ = q.store.WaitFor(ctx, rev+1)
		}
	}
	return b, nil
}
