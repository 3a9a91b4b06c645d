package api

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/assign"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// Queries answers what the API and the pages ask about the facts.
type Queries struct {
	store     *store.Store
	logs      *logs.Logs
	polls     Polls
	manifests Manifests
	proxy     string
	queue     Queue // nil: worked out from the facts
}

// NewQueries makes queries over the store of cfg.
func NewQueries(cfg Config) Queries {
	return Queries{store: cfg.Store, logs: cfg.Logs, polls: cfg.Polls, manifests: cfg.Manifests, proxy: cfg.Proxy, queue: cfg.Queue}
}

// url is where people find an instance's active AppServer.
func (q Queries) url(instance string) string {
	if q.proxy == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(q.proxy)
	if err != nil || port == "80" {
		return "http://" + instance + ".localhost/"
	}
	return "http://" + instance + ".localhost:" + port + "/"
}

// Instances lists all instances by name.
func (q Queries) Instances() []view.Instance {
	var facts []view.InstanceFacts
	q.store.Read(func(f *state.Facts) {
		for name := range view.Names(f) {
			i, _ := view.FactsOf(f, name)
			facts = append(facts, i)
		}
	})
	all := make([]view.Instance, 0, len(facts))
	for _, i := range facts {
		all = append(all, q.show(i))
	}
	slices.SortFunc(all, func(a, b view.Instance) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Instance shows one instance.
func (q Queries) Instance(name string) (view.Instance, error) {
	i, err := q.Facts(name)
	if err != nil {
		return view.Instance{}, err
	}
	return q.show(i), nil
}

// Facts collects what is known about one instance.
func (q Queries) Facts(name string) (i view.InstanceFacts, err error) {
	known := false
	q.store.Read(func(f *state.Facts) { i, known = view.FactsOf(f, name) })
	if !known {
		err = fail(http.StatusNotFound, "wright instance list shows all of them", "no instance is called %.80q", name)
	}
	return i, err
}

func (q Queries) show(i view.InstanceFacts) view.Instance {
	v := view.OfInstance(i, len(watchlist.Merge(i.Manifest(), i.Report)), q.url(i.Name))
	if b := i.Newest(); b != nil {
		v.Waiting = q.View(b)[0].Waiting
	}
	return v
}

// AppServers lists AppServers, the newest first; instance "" is all of them.
// With gone, terminated ones too, as far as history is kept.
func (q Queries) AppServers(ctx context.Context, instance string, gone bool) ([]view.AppServer, error) {
	if instance != "" {
		if _, err := q.Facts(instance); err != nil {
			return nil, err
		}
	}
	all, names := []view.AppServer{}, map[string]bool{}
	q.store.Read(func(f *state.Facts) {
		for _, a := range f.AppServers {
			if instance == "" || a.Instance == instance {
				all = append(all, q.appServer(f, a))
			}
		}
		names = view.Names(f)
	})
	for name := range names {
		if gone && (instance == "" || name == instance) {
			dead, err := q.goneOf(ctx, name)
			if err != nil {
				return nil, err
			}
			all = append(all, dead...)
		}
	}
	slices.SortFunc(all, func(a, b view.AppServer) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return all, nil
}

func (q Queries) goneOf(ctx context.Context, instance string) ([]view.AppServer, error) {
	dead, err := q.store.Gone(ctx, instance, maxLimit)
	var all []view.AppServer
	for _, a := range dead {
		if a.Instance == instance { // IDs of "shop-2" begin as those of "shop" do
			all = append(all, view.OfAppServer(a, false, ""))
		}
	}
	return all, err
}

func (q Queries) appServer(f *state.Facts, a *state.AppServer) view.AppServer {
	active := f.Actives[a.Instance]
	v := view.OfAppServer(a, active != nil && active.AppServer == a.ID, q.url(a.Instance))
	if a.Waiting() && f.Agents[a.Agent] == nil {
		v.Waiting = "for agent " + a.Agent + ", which is not connected"
	}
	return v
}

// AppServer shows one AppServer, terminated ones too.
func (q Queries) AppServer(ctx context.Context, id string) (v view.AppServer, err error) {
	found := false
	q.store.Read(func(f *state.Facts) {
		if a := f.AppServers[id]; a != nil {
			v, found = q.appServer(f, a), true
		}
	})
	if found {
		return v, nil
	}
	a, err := q.store.GoneAppServer(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return v, fail(http.StatusNotFound, "wright appserver list --all shows all of them", "there is no AppServer %.80q", id)
	}
	if err != nil {
		return v, err
	}
	return view.OfAppServer(a, false, ""), nil
}

// Agents lists the agents by name: those that are connected, those that were
// lost of late, and those that were drained and are away.
func (q Queries) Agents() []view.Agent {
	all := []view.Agent{}
	queue := q.queue
	if queue == nil {
		q.store.Read(func(f *state.Facts) { queue = assign.Of(f) })
	}
	idle := queue.Idle()
	q.store.Read(func(f *state.Facts) {
		for _, a := range f.Agents {
			v := view.OfAgent(a, slices.Sorted(maps.Keys(f.OfAgent(a.Name)))...)
			v.Why = cmp.Or(v.Why, idle[a.Name])
			if s := f.Standings[a.Name]; s != nil {
				v.Deadline = s.Deadline
			}
			all = append(all, v)
		}
		for name, s := range f.Standings {
			if f.Agents[name] == nil {
				all = append(all, view.OfGone(s))
			}
		}
	})
	slices.SortFunc(all, func(a, b view.Agent) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Problems lists the errors of all manifests that are not in force, by file
// and place.
func (q Queries) Problems() []view.Problem {
	all := []view.Problem{}
	q.store.Read(func(f *state.Facts) {
		for _, name := range slices.Sorted(maps.Keys(f.Faults)) {
			all = append(all, view.ProblemsOf(f.Faults[name])...)
		}
	})
	return all
}

// Info counts what there is.
func (q Queries) Info(version string) view.Info {
	v := view.Info{Version: version}
	q.store.Read(func(f *state.Facts) {
		v.Instances, v.Agents, v.Queued, v.Errors = len(f.Manifests), len(f.Agents), f.Queued(), len(f.Faults)
		v.Running = len(f.Builds) - v.Queued
		for _, a := range f.Agents {
			v.Slots += a.Slots
		}
	})
	return v
}

// Wake receives when a fact of one of the kinds changed; the caller ends it
// with stop.
func (q Queries) Wake(kinds ...state.Kind) (sub *store.Subscription, stop func()) {
	sub = q.store.Subscribe(kinds...)
	return sub, func() { q.store.Unsubscribe(sub) }
}

// longest is how long a request may wait for something to happen.
const longest = 60 * time.Second
