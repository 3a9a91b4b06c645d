package schedule

import (
	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

// situation is what is known of an instance, and copies of its newest builds if
// they wait for agents and will fetch the newest of everything. Older ones
// that wait again are no help: what they bring up is overtaken already.
func (s *Scheduler) situation(name string) (out Situation, waiting []state.Build) {
	s.store.Read(func(f *state.Facts) { out, waiting = situationOf(f, name) })
	return out, waiting
}

func situationOf(f *state.Facts, name string) (out Situation, waiting []state.Build) {
	if in := f.Manifests[name]; in != nil {
		out.Manifest, out.Since = in.Manifest, in.Rev
	}
	if i := f.Instances[name]; i != nil {
		out.Instance = *i
	}
	for _, w := range watchlist.Merge(out.Manifest, f.Reports[name]) {
		out.Watches = append(out.Watches, Observed{w, f.Refs[state.RefName(w.Key())]})
	}
	if out.Manifest != nil {
		for _, other := range out.Manifest.When.After {
			out.Followed = append(out.Followed, followed(f, other))
		}
	}
	out.Covered = covered(f, name)
	waiting = waitingOf(f, name, out.Instance.LastNumber)
	out.Waiting = len(waiting) > 0
	return out, waiting
}

// waitingOf is the newest build of an instance, with all that were requested
// together with it, if they all wait to be handed out and will fetch the newest
// of everything.
func waitingOf(f *state.Facts, name string, newest int64) []state.Build {
	first := newest
	if b := f.ByName(state.BuildName(state.BuildID{Instance: name, Number: newest})); b != nil && b.Group > 0 {
		first = b.Group
	}
	var all []state.Build
	for n := first; n <= newest; n++ {
		b := f.ByName(state.BuildName(state.BuildID{Instance: name, Number: n}))
		if b == nil || b.State != state.Queued || b.Revision != "" || b.Cancel != "" {
			return nil
		}
		all = append(all, *b)
	}
	return all
}

// followed is how another instance stands.
func followed(f *state.Facts, name string) Followed {
	out := Followed{Name: name}
	if l := f.Lasts[name]; l != nil {
		if id, err := state.ParseBuildID(l.Success); err == nil {
			out.Success, out.At = id.Number, l.Finished.EndedAt
		}
	}
	for _, b := range f.OfInstance(name) {
		out.Busy = out.Busy || b.Group > 0 && b.Group <= out.Success
	}
	return out
}

// standing is what is known of an instance and its schedule, and a copy of its
// newest build if that waits.
func (s *Scheduler) standing(name string) (out Standing, waiting []state.Build) {
	s.store.Read(func(f *state.Facts) {
		out = standingOf(f, name)
		waiting = waitingOf(f, name, out.Instance.LastNumber)
		out.Waiting = len(waiting) > 0
	})
	return out, waiting
}

func standingOf(f *state.Facts, name string) Standing {
	out := Standing{Manifest: manifestOf(f, name), Instance: state.Instance{Name: name}}
	if i := f.Instances[name]; i != nil {
		out.Instance = *i
	}
	if out.Manifest == nil || out.Manifest.Periodic == nil {
		return out
	}
	for _, b := range f.OfInstance(name) {
		out.Live = append(out.Live, b)
	}
	if l := f.Lasts[name]; l != nil {
		out.Last = &l.Finished
	}
	for _, a := range f.Servers(name) {
		if a.Number == out.Instance.Hand && (a.State == state.Spawned || a.State == state.Healthy) && a.CreatedAt.After(out.Hand) {
			out.Hand = a.CreatedAt
		}
	}
	return out
}

// covered is the store revision of the newest facts that a build of the
// instance was handed out with. One of a revision that a person chose has not
// fetched what is new.
func covered(f *state.Facts, name string) (at int64) {
	if l := f.Lasts[name]; l != nil && l.Finished.Revision == "" {
		at = l.Finished.FactsAt
	}
	for _, b := range f.OfInstance(name) {
		if b.State != state.Queued && b.Revision == "" {
			at = max(at, b.FactsAt)
		}
	}
	return at
}

func manifestOf(f *state.Facts, name string) *manifests.Manifest {
	if m := f.Manifests[name]; m != nil {
		return m.Manifest
	}
	return nil
}
