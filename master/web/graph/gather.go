package graph

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/view"
)

// gathered is what the watches come to.
type gathered struct {
	remotes   []*remote
	instances []*instance
	edges     []*edge
	refs      int
}

type remote struct {
	url   string
	refs  []*ref
	mean  float64 // of the places of the instances that it feeds
	place int
	y     int
}

func (r *remote) id() string { return fmt.Sprintf("r%d", r.place) }

type ref struct {
	name, err string
	y         int // 0: not drawn
}

type instance struct {
	name  string
	place int
	y     int
}

func (i *instance) id() string { return fmt.Sprintf("i%d", i.place) }

type edge struct {
	remote   *remote
	ref      *ref
	instance *instance
	origin   string
	bad      bool
	n        int // refs that it stands for
}

// y is where the edge begins.
func (e *edge) y() int {
	if e.ref.y > 0 {
		return e.ref.y
	}
	return e.remote.y
}

// gather finds the nodes of a list of watches. Spellings of a remote are one.
func gather(watches []view.Watch) *gathered {
	g := &gathered{}
	remotes, refs, instances := map[string]*remote{}, map[string]*ref{}, map[string]*instance{}
	for _, w := range watches {
		key := w.VCS + "\x00" + manifests.CanonicalURL(w.URL)
		r := found(remotes, key, &g.remotes, remote{url: w.URL})
		f := refs[key+"\x00"+w.Ref]
		if f == nil {
			f = &ref{name: w.Ref}
			refs[key+"\x00"+w.Ref] = f
			r.refs = append(r.refs, f)
			g.refs++
		}
		f.err = cmp.Or(f.err, w.Error)
		i := found(instances, w.Instance, &g.instances, instance{name: w.Instance})
		g.edges = append(g.edges, &edge{remote: r, ref: f, instance: i, origin: w.Origin, bad: w.Error != "", n: 1})
	}
	return g
}

// found is the node of that key, made if it is new.
func found[T any](nodes map[string]*T, key string, all *[]*T, fresh T) *T {
	n := nodes[key]
	if n == nil {
		n = &fresh
		nodes[key] = n
		*all = append(*all, n)
	}
	return n
}

// group makes one edge of those between a remote and an instance. It shows what
// counts most of them.
func (g *gathered) group() {
	type pair struct {
		*remote
		*instance
	}
	first := map[pair]*edge{}
	var edges []*edge
	for _, e := range g.edges {
		f := first[pair{e.remote, e.instance}]
		if f == nil {
			first[pair{e.remote, e.instance}] = e
			edges = append(edges, e)
			continue
		}
		f.n++
		f.bad = f.bad || e.bad
		if weight(Edge{Origin: e.origin}) > weight(Edge{Origin: f.origin}) {
			f.origin = e.origin
		}
	}
	g.edges = edges
}

// order puts near to each other what belongs together: remotes follow the
// instances that they feed.
func (g *gathered) order() {
	slices.SortFunc(g.instances, func(a, b *instance) int { return cmp.Compare(a.name, b.name) })
	for place, i := range g.instances {
		i.place = place
	}
	counts := map[*remote]int{}
	for _, e := range g.edges {
		counts[e.remote]++
		e.remote.mean += float64(e.instance.place)
	}
	for r, n := range counts {
		r.mean /= float64(n)
	}
	slices.SortFunc(g.remotes, func(a, b *remote) int { return cmp.Or(cmp.Compare(a.mean, b.mean), cmp.Compare(a.url, b.url)) })
	for place, r := range g.remotes {
		r.place = place
		slices.SortFunc(r.refs, func(a, b *ref) int { return cmp.Compare(a.name, b.name) })
	}
}

// commonError is what is wrong with all refs of a remote: with itself.
func (r *remote) commonError() string {
	for _, f := range r.refs {
		if f.err != r.refs[0].err {
			return ""
		}
	}
	return r.refs[0].err
}

// anyError is what is wrong with some ref of a remote.
func (r *remote) anyError() string {
	for _, f := range r.refs {
		if f.err != "" {
			return f.err
		}
	}
	return ""
}
