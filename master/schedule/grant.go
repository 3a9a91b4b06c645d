package schedule

import (
	"context"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// maxTogether is how many wishes are granted in one transaction.
const maxTogether = 60

// grants are wishes that are granted in one transaction.
type grants struct {
	instances map[string]*state.Instance // copies, one for all wishes
	writes    []state.Write
	wishes    []*wish
	builds    []*state.Build // what each is answered; nil: nothing to build
}

// grant carries out a wish, and with it, in the same transaction, all others
// that wait already. One that comes to many builds has a transaction of its own.
func (s *Scheduler) grant(ctx context.Context, first *wish) {
	wishes := []*wish{first}
	for len(wishes) < maxTogether && len(s.asked) > 0 {
		wishes = append(wishes, <-s.asked)
	}
	var g grants
	for _, w := range wishes {
		many := s.multiplies(w.instance)
		if many {
			s.settle(ctx, &g)
		}
		s.take(&g, w)
		if many {
			s.settle(ctx, &g)
		}
	}
	s.settle(ctx, &g)
}

// take adds a wish, or refuses it.
func (s *Scheduler) take(g *grants, w *wish) {
	if g.instances == nil {
		g.instances = map[string]*state.Instance{}
	}
	i, m := s.instance(g.instances, w.instance)
	b, err := w.do(i, m)
	if err != nil {
		w.answer <- answer{err: err}
		return
	}
	if b != nil {
		for _, b := range s.family(i, b) {
			g.writes = append(g.writes, b.Put())
		}
	}
	g.wishes, g.builds = append(g.wishes, w), append(g.builds, b)
}

// settle stores what was granted, answers, and begins anew.
func (s *Scheduler) settle(ctx context.Context, g *grants) {
	for _, w := range g.wishes {
		if i := g.instances[w.instance]; i != nil {
			g.writes = append(g.writes, i.Put())
			delete(g.instances, w.instance)
		}
	}
	if len(g.wishes) > 0 {
		// gofail: var requestUnstored struct{}
		err := s.store.CommitSeen(ctx, g.writes...)
		// gofail: var requestStored struct{}
		for n, w := range g.wishes {
			a := answer{err: err}
			if g.builds[n] != nil {
				a.build = *g.builds[n]
			}
			w.answer <- a
		}
	}
	*g = grants{}
}

// multiplies says whether a request for an instance comes to several builds.
func (s *Scheduler) multiplies(instance string) (many bool) {
	s.store.Read(func(f *state.Facts) {
		m := manifestOf(f, instance)
		many = m != nil && len(m.Where.For) > 0
	})
	return many
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
