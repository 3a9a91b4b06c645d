package dispatch

import (
	"context"
	"fmt"
	"strings"
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
	d.draining.RLock() // whoever was told that an agent is drained can rely on it
	defer d.draining.RUnlock()
	plans := d.plans(time.Now().UTC())
	if len(plans) == 0 {
		return nil
	}
	if err := d.assign(ctx, plans); err != nil {
		d.putBackPlans(plans)
		return err
	}
	// gofail: var assignmentStored struct{}
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

// assign writes plans down.
func (d *Dispatcher) assign(ctx context.Context, plans []plan) error {
	if err := d.passwords(ctx, plans, time.Now().UTC()); err != nil {
		return err
	}
	// gofail: var assignmentUnstored struct{}
	var writes []state.Write
	for _, p := range plans {
		writes = append(writes, p.writes...)
	}
	return d.Store.CommitSeen(ctx, writes...)
}

// putBackPlans puts the builds of plans that came to nothing where the facts have them.
func (d *Dispatcher) putBackPlans(plans []plan) {
	d.queue.Lock()
	defer d.queue.Unlock()
	d.Store.Read(func(f *state.Facts) {
		for _, p := range plans {
			if b := f.Builds[p.build.ID]; b != nil {
				d.putBuild(f, b)
			} else {
				d.board.Drop(p.build.ID)
			}
		}
	})
}

// passwords makes those of the databases that are going to be made: they are
// stored before anybody uses them.
func (d *Dispatcher) passwords(ctx context.Context, plans []plan, now time.Time) error {
	if d.Secrets == nil {
		return nil
	}
	for _, p := range plans {
		for _, db := range p.work.GetDatabases() {
			if err := d.Secrets.Generate(ctx, strings.TrimPrefix(db.GetPassword(), secretPrefix), now); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxHandOut is how many builds are assigned in one transaction, two facts each.
const maxHandOut = 60

// plan is one assignment: what to store, then what to send.
type plan struct {
	build  state.Build
	writes []state.Write
	work   *agentv1.Work
}

// plans takes the next assignments from the board.
func (d *Dispatcher) plans(now time.Time) []plan {
	var plans []plan
	d.queue.Lock()
	defer d.queue.Unlock()
	d.Store.Read(func(f *state.Facts) {
		for _, m := range d.board.Next(now, maxHandOut) {
			b := f.Builds[m.Build.ID]
			if b == nil || b.State != state.Queued {
				d.board.Drop(m.Build.ID) // it was faster than its key
				continue
			}
			if a := f.Agents[m.Agent]; a == nil || a.Drained {
				d.board.SetAgent(m.Agent, a, d.session(m.Agent) != nil)
				d.putBuild(f, b)
				continue
			}
			m.Build = b
			plans = append(plans, d.plan(f, m, now))
		}
	})
	return plans
}

// follow tells the board what has changed.
func (d *Dispatcher) follow(keys []state.Key, all bool) {
	d.queue.Lock()
	defer d.queue.Unlock()
	agents := d.inbox.takeMoved()
	d.Store.Read(func(f *state.Facts) {
		if all {
			d.followAll(f)
			return
		}
		for _, k := range keys {
			switch k.Kind {
			case state.KindBuild:
				d.place(f, k.Name)
			case state.KindAgent:
				agents = append(agents, k.Name)
			case state.KindInForce:
				for _, b := range f.OfInstance(k.Name) {
					d.putBuild(f, b)
				}
			}
		}
		for _, name := range agents {
			d.board.SetAgent(name, f.Agents[name], d.session(name) != nil)
		}
		d.resume(f)
	})
}

func (d *Dispatcher) followAll(f *state.Facts) {
	d.board.Retain(
		func(build string) bool { return f.Builds[build] != nil },
		func(agent string) bool { return f.Agents[agent] != nil })
	for name, a := range f.Agents {
		d.board.SetAgent(name, a, d.session(name) != nil)
	}
	clear(d.paused)
	for _, b := range f.Builds {
		d.putBuild(f, b)
	}
}

// place puts the build of a fact where it belongs now.
func (d *Dispatcher) place(f *state.Facts, fact string) {
	if b := f.ByName(fact); b != nil {
		d.putBuild(f, b)
	} else if id, err := state.BuildNamed(fact); err == nil {
		d.dropBuild(id.String())
	}
}

// Why says in one sentence what a queued build waits for; "": nothing, or it is
// not queued.
func (d *Dispatcher) Why(build string) (why string) {
	if err := d.Store.Room(); err != nil {
		return err.Error()
	}
	d.queue.Lock()
	defer d.queue.Unlock()
	if !d.board.Knows(build) {
		d.Store.Read(func(f *state.Facts) { why = d.admit(f, build) })
	}
	if why != "" {
		return why
	}
	return d.board.Why(build)
}

// Idle says in one sentence of each agent that is not drained why it does not
// build more; "": it is about to.
func (d *Dispatcher) Idle() map[string]string {
	d.queue.Lock()
	defer d.queue.Unlock()
	return d.board.Idle()
}

// admit tells the board of a build that was requested just now, and says why
// it may not be there.
func (d *Dispatcher) admit(f *state.Facts, build string) string {
	b := f.Builds[build]
	switch {
	case b == nil || b.State != state.Queued:
		return ""
	case f.Manifests[b.Instance] == nil:
		return "no manifest of " + b.Instance + " is in force that this master understands"
	case b.Pauses(time.Now()):
		return pause(b)
	}
	d.board.Put(b)
	return ""
}

// plan assigns a build at the newest known revision of its source.
func (d *Dispatcher) plan(f *state.Facts, m assign.Assignment, now time.Time) plan {
	in := f.Manifests[m.Build.Instance]
	if in == nil {
		return plan{build: *m.Build} // it is ended, or comes back
	}
	url, revision := sourceRevision(f, in.Manifest, m.Build)
	b, err := m.Build.Assign(m.Agent, url, revision, f.Vouches(m.Build))
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
	p.work.Capabilities = m.Offer.Variables(b.Requires)
	p.work.Unwatched = f.Reports[b.Instance].Empty() && f.Refusals[b.Instance] == nil
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
	m := newMoves()
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
		if !more {
			more = d.settleOvertime(m, now)
		}
	})
	if err := d.Store.CommitSeen(ctx, m.all()...); err != nil {
		for at, agent := range lost { // no fact speaks of them
			d.inbox.lose(at, agent)
		}
		return false, err
	}
	d.finishLost(m)
	m.answer()
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
