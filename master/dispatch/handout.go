package dispatch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/assign"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// handOut assigns queued builds to agents with free slots and sends the work.
func (d *Dispatcher) handOut(ctx context.Context) error {
	var plans []plan
	now := time.Now().UTC()
	d.Store.Read(func(f *state.Facts) {
		matched := assign.Match(buildable(f), d.workers(f))
		for _, m := range matched[:min(len(matched), maxHandOut)] {
			plans = append(plans, d.plan(f, m, now))
		}
	})
	if len(plans) == 0 {
		return nil
	}
	var writes []state.Write
	for _, p := range plans {
		writes = append(writes, p.writes...)
	}
	if err := d.Store.CommitSeen(ctx, writes...); err != nil {
		return err
	}
	for _, p := range plans {
		if s := d.session(p.build.Agent); s != nil && p.work != nil {
			s.work(p.work)
		}
	}
	if len(plans) == maxHandOut {
		d.inbox.nudge()
	}
	return nil
}

// buildable is the queue without what cannot be built now: an instance whose
// manifest this release does not understand must not hold up others.
func buildable(f *state.Facts) []*state.Build {
	if len(f.Unreadable) == 0 {
		return f.Queue()
	}
	return slices.DeleteFunc(slices.Clone(f.Queue()), func(b *state.Build) bool { return f.Manifests[b.Instance] == nil })
}

// maxHandOut is how many builds are assigned in one transaction, two facts each.
const maxHandOut = 60

// plan is one assignment: what to store, then what to send.
type plan struct {
	build  state.Build
	writes []state.Write
	work   *agentv1.Work
}

// workers are the connected agents and their free slots. An agent whose
// session is gone but whose lease is not gets nothing new.
func (d *Dispatcher) workers(f *state.Facts) []assign.Worker {
	var out []assign.Worker
	for name, a := range f.Agents {
		if a.Draining || a.Drained || d.session(name) == nil {
			continue
		}
		out = append(out, assign.Worker{Name: name, Free: a.Slots - len(f.OfAgent(name)), Offers: d.offer(a)})
	}
	slices.SortFunc(out, func(a, b assign.Worker) int { return compareNames(a.Name, b.Name) })
	return out
}

func compareNames(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func (d *Dispatcher) offer(a *state.Agent) assign.Offer {
	o, ok := d.offers[a.Name]
	if !ok || o.rev != a.Rev {
		o = offer{a.Rev, assign.NewOffer(a.Capabilities, a.Plugins)}
		d.offers[a.Name] = o
	}
	return o.offer
}

// plan assigns a build at the newest known revision of its source.
func (d *Dispatcher) plan(f *state.Facts, m assign.Assignment, now time.Time) plan {
	in := f.Manifests[m.Build.Instance]
	if in == nil {
		return plan{build: *m.Build} // it is ended, or comes back
	}
	url, revision := sourceRevision(f, in.Manifest, m.Build)
	b, err := m.Build.Assign(m.Agent, url, revision, f.Revision)
	if err != nil {
		d.Log.Error("assigning", "error", err)
		return plan{build: b}
	}
	p := plan{}
	if in.Manifest.AppServer != nil {
		b.AppServer = state.AppServerID(b.ID, b.Attempt)
		a := state.Plan(&b, in.Manifest, now)
		p.writes = append(p.writes, a.Put())
	}
	p.build, p.work = b, workOf(&b, in.Manifest)
	p.writes = append(p.writes, b.Put())
	return p
}

// sourceRevision is what the source is to be checked out at: what a person
// asked for, or the newest observation.
func sourceRevision(f *state.Facts, m *manifests.Manifest, b *state.Build) (url, revision string) {
	if m.Source == nil {
		return "", ""
	}
	if b.Revision != "" {
		return m.Source.URL, b.Revision
	}
	if m.Source.Revision != "" {
		return m.Source.URL, m.Source.Revision
	}
	if w, follows := watchlist.SourceWatch(m.Source); follows {
		if ref := f.Refs[state.RefName(w.Key())]; ref != nil {
			return m.Source.URL, ref.Revision
		}
	}
	return m.Source.URL, ""
}

// settleLosses takes builds back from agents that are gone and ends queued
// builds that somebody wanted ended or whose manifest has gone. With more, some of them are left for the
// next transaction.
func (d *Dispatcher) settleLosses(ctx context.Context, keys []state.Key, all bool) (more bool, err error) {
	m := &moves{writes: map[state.Key]state.Write{}, lasts: map[string]*state.Last{}}
	now := time.Now().UTC()
	lost := d.inbox.takeLost(maxHandOut / 2)
	d.Store.Read(func(f *state.Facts) {
		m.facts = f
		for at, agent := range lost {
			if b := f.Builds[at.build]; b != nil && b.Attempt == int(at.number) && b.Agent == agent {
				d.lose(m, b, "agent "+agent+" came back without it", now)
			}
		}
		for _, b := range concerned(f, keys, all) {
			if more = len(m.writes) >= maxHandOut; more {
				break
			}
			d.settleLoss(m, b, now)
		}
	})
	if err := d.Store.CommitSeen(ctx, m.all()...); err != nil {
		for at, agent := range lost { // no fact speaks of them
			d.inbox.lose(at, agent)
		}
		return false, err
	}
	for _, at := range m.lost {
		if err := d.Output.Finish(at); err != nil {
			d.Log.Error("finishing the log of a lost attempt", "build", at.Build, "attempt", at.Attempt, "error", err)
		}
	}
	return more, nil
}

func (d *Dispatcher) settleLoss(m *moves, b *state.Build, now time.Time) {
	switch {
	case b.State == state.Queued && b.Cancel != "":
		if ended, err := b.End(state.Cancelled, b.Cancel, now); err == nil {
			m.end(&ended, nil)
		}
	case b.State == state.Queued && !m.facts.Known(b.Instance):
		if ended, err := b.End(state.Errored, "the manifest of "+b.Instance+" is no longer in force", now); err == nil {
			m.end(&ended, nil)
		}
	case b.Agent != "" && m.facts.Agents[b.Agent] == nil:
		d.lose(m, b, fmt.Sprintf("agent %s is gone", b.Agent), now)
	}
}

// lose takes one build back; what its attempt may have made is doomed.
func (d *Dispatcher) lose(m *moves, b *state.Build, why string, now time.Time) {
	next, err := b.Lose(why, now)
	if err != nil {
		return
	}
	m.lost = append(m.lost, logs.Attempt{Instance: b.Instance, Build: b.ID, Attempt: b.Attempt})
	d.Log.Warn("build lost", "build", b.ID, "attempt", b.Attempt, "why", why, "now", next.State)
	a := m.facts.AppServers[b.AppServer]
	if next.State.Final() {
		m.end(&next, a)
		return
	}
	m.put(next.Put())
	if a != nil {
		lost := next
		lost.State = "was lost"
		m.put(judge(&lost, a, m.facts.Actives[b.Instance]).Put())
	}
}

// concerned lists the builds that the changed facts speak of.
func concerned(f *state.Facts, keys []state.Key, all bool) []*state.Build {
	var out []*state.Build
	if all {
		for _, b := range f.Builds {
			out = append(out, b)
		}
		return out
	}
	for _, k := range keys {
		switch k.Kind {
		case state.KindBuild:
			if b := f.ByName(k.Name); b != nil {
				out = append(out, b)
			}
		case state.KindAgent:
			for _, b := range f.OfAgent(k.Name) {
				out = append(out, b)
			}
		case state.KindInForce:
			if f.Known(k.Name) {
				continue
			}
			for _, b := range f.OfInstance(k.Name) {
				out = append(out, b)
			}
		}
	}
	return out
}
