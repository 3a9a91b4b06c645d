// Package reap ends what providers hold and nobody owns: what a crash left
// behind. Agents list what carries the installation's tag, Decide compares it
// with the facts, and agents end what is to end. The package writes one kind of
// fact, that a person must look first; it knows no plugin and no connection,
// and never touches what AppServers, builds or persistent databases own.
package reap

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// Agents carry out what reaping takes.
type Agents interface {
	// Holdings lists what a provider holds under the installation's tag.
	Holdings(ctx context.Context, at state.Place) ([]state.Held, error)
	// EndHoldings ends things, which the agent finds in a list of its own first,
	// and gives why those could not be ended that could not.
	EndHoldings(ctx context.Context, at state.Place, tokens []string) (failed map[string]string, err error)
}

// Config is what the room is made from.
type Config struct {
	Store        *store.Store
	Agents       Agents
	Installation string
	Interval     time.Duration // how often each place is looked at; default 10 min, negative: never
	After        time.Duration // how long nobody must have owned what ends; default 10 min
	Log          *slog.Logger
}

// The defaults.
const (
	Interval = 10 * time.Minute
	After    = 10 * time.Minute
)

const (
	listTime = 2 * time.Minute  // for a list
	endTime  = 10 * time.Minute // for ending what is to end
	atOnce   = 100              // how much ends at a place in one visit
	stale    = 24 * time.Hour   // after which a place that is not visited is forgotten
)

// Reaper is the room. Run must run for anything to happen by itself.
type Reaper struct {
	cfg Config

	mu     sync.Mutex // guards all below
	places map[state.Place]*place
}

// place is what is known of one.
type place struct {
	turn chan struct{} // holds one while it is visited

	// guarded by the Reaper's mu
	next   time.Time
	report Report
}

// Report is what the last visit to a place came to.
type Report struct {
	state.Place
	CheckedAt time.Time // zero: not yet
	Listed    int
	HeldBack  bool
	Error     string // why nothing newer is known, or nothing could be ended
	Unowned   []Unowned
}

// New makes the room.
func New(cfg Config) *Reaper {
	if cfg.Interval == 0 {
		cfg.Interval = Interval
	}
	if cfg.After == 0 {
		cfg.After = After
	}
	return &Reaper{cfg: cfg, places: map[state.Place]*place{}}
}

// Run visits each place at its time until ctx ends. A visit that hangs holds up
// no other place.
func (r *Reaper) Run(ctx context.Context) error {
	if r.cfg.Interval < 0 {
		<-ctx.Done()
		return nil
	}
	var visits sync.WaitGroup
	defer visits.Wait()
	look := time.NewTicker(max(r.cfg.Interval/20, 10*time.Millisecond))
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-look.C:
			for _, at := range r.due(now) {
				visits.Go(func() { r.visitInTurn(ctx, at) })
			}
		}
	}
}

// due are the places whose time has come.
func (r *Reaper) due(now time.Time) (all []state.Place) {
	wanted := r.reachable("")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range wanted {
		p := r.place(at, now)
		if len(p.turn) == 0 && !now.Before(p.next) {
			p.next = now.Add(r.cfg.Interval)
			all = append(all, at)
		}
	}
	for at, p := range r.places {
		if now.Sub(p.next) > max(stale, 3*r.cfg.Interval) {
			delete(r.places, at)
		}
	}
	return all
}

// place gives what is known of a place. Those that are new are spread over the
// second half of the interval. The caller holds mu.
func (r *Reaper) place(at state.Place, now time.Time) *place {
	p := r.places[at]
	if p == nil {
		h := fnv.New32a()
		_, _ = h.Write([]byte(at.String()))
		part := time.Duration(float64(r.cfg.Interval) * float64(h.Sum32()%1000) / 2000)
		p = &place{turn: make(chan struct{}, 1), next: now.Add(r.cfg.Interval/2 + part), report: Report{Place: at}}
		r.places[at] = p
	}
	return p
}

// reachable are the places that can be visited now: the providers that a
// manifest in force or an AppServer names, or the one given as KIND/NAME, at
// each agent that has them.
func (r *Reaper) reachable(only string) (all []state.Place) {
	r.cfg.Store.Read(func(f *state.Facts) {
		named := named(f)
		for _, a := range f.Agents {
			for _, plugin := range a.Plugins {
				provider, _, _ := strings.Cut(plugin, " ")
				kind, name, _ := strings.Cut(provider, "/")
				if a.Reaps && state.ReapedKind(kind) && (provider == only || only == "" && named[provider]) {
					all = append(all, state.Place{Agent: a.Name, Kind: kind, Provider: name})
				}
			}
		}
	})
	return all
}

// named are the providers in use, as KIND/NAME.
func named(f *state.Facts) map[string]bool {
	all := map[string]bool{}
	for _, m := range f.Manifests {
		for _, need := range state.Requirements(m.Manifest) {
			if provider, is := strings.CutPrefix(need, "plugin:"); is {
				all[provider] = true
			}
		}
	}
	for _, a := range f.AppServers {
		all["cloud/"+a.Provider] = true
		if a.DNS != nil {
			all["dns/"+a.DNS.Provider] = true
		}
		if a.Balancer != nil {
			all["balancer/"+a.Balancer.Provider] = true
		}
		for _, d := range a.Databases {
			all["database/"+d.Provider] = true
		}
	}
	return all
}

// ErrNowhere means that no agent that is connected has the provider.
var ErrNowhere = errors.New("no agent that is connected has that provider")

// Now visits all places, or those of the provider given as KIND/NAME, without
// waiting for their time, and returns when all is done or ctx ends. With force
// what a person has seen in Reports ends whatever it is.
func (r *Reaper) Now(ctx context.Context, provider string, force bool) error {
	all := r.reachable(provider)
	if provider != "" && len(all) == 0 {
		return fmt.Errorf("reap at %.80q: %w", provider, ErrNowhere)
	}
	if force {
		if err := r.allow(ctx, provider); err != nil {
			return err
		}
	}
	var visits sync.WaitGroup
	for _, at := range all {
		visits.Go(func() {
			r.mu.Lock()
			p := r.place(at, time.Now())
			r.mu.Unlock()
			select {
			case p.turn <- struct{}{}:
				r.visit(ctx, p, at, Rules{r.cfg.After, force})
				<-p.turn
			case <-ctx.Done():
			}
		})
	}
	visits.Wait()
	return nil
}

// allow ends the holding back at places of a provider, also where no agent is.
func (r *Reaper) allow(ctx context.Context, provider string) error {
	var drops []state.Write
	r.cfg.Store.Read(func(f *state.Facts) {
		for _, h := range f.HeldBacks {
			if provider == "" || provider == h.Place.Kind+"/"+h.Place.Provider {
				drops = append(drops, h.Put().Drop())
			}
		}
	})
	for _, w := range drops {
		if err := r.cfg.Store.CommitSeen(ctx, w); err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("allow reaping at %s: %w", w.Key.Name, err)
		}
	}
	return nil
}
