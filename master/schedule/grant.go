package schedule

import (
	"context"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// maxTogether is how many wishes are granted in one transaction.
const maxTogether = 60

// grant carries out a wish, and with it, in the same transaction, all others
// that wait already.
func (s *Scheduler) grant(ctx context.Context, first *wish) {
	wishes := []*wish{first}
	for len(wishes) < maxTogether && len(s.asked) > 0 {
		wishes = append(wishes, <-s.asked)
	}
	instances := map[string]*state.Instance{}
	var writes []state.Write
	var granted []*wish
	var builds []*state.Build
	for _, w := range wishes {
		i, m := s.instance(instances, w.instance)
		b, err := w.do(i, m)
		if err != nil {
			w.answer <- answer{err: err}
			continue
		}
		if b != nil {
			writes = append(writes, b.Put())
		}
		granted, builds = append(granted, w), append(builds, b)
	}
	if len(granted) == 0 {
		return
	}
	for _, w := range granted {
		if i := instances[w.instance]; i != nil {
			writes = append(writes, i.Put())
			delete(instances, w.instance)
		}
	}
	err := s.store.CommitSeen(ctx, writes...)
	for n, w := range granted {
		a := answer{err: err}
		if builds[n] != nil {
			a.build = *builds[n]
		}
		w.answer <- a
	}
}

// instance returns a copy of what is remembered of an instance, the same one
// for all wishes of a transaction, and its manifest in force.
func (s *Scheduler) instance(copies map[string]*state.Instance, name string) (*state.Instance, *manifests.Manifest) {
	var m *manifests.Manifest
	s.store.Read(func(f *state.Facts) {
		m = manifestOf(f, name)
		if copies[name] == nil {
			copies[name] = &state.Instance{Name: name}
			if i := f.Instances[name]; i != nil {
				*copies[name] = *i
			}
		}
	})
	return copies[name], m
}
