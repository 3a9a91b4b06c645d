package dispatch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// Drain says whether an agent is to get no more work, until it is said
// otherwise, be it connected or not. What a drained one still builds at the
// deadline is done elsewhere; zero: it may take as long as it likes.
func (d *Dispatcher) Drain(ctx context.Context, name string, drain bool, deadline time.Time) error {
	d.draining.Lock() // an agent that is just being enrolled must not miss it
	defer d.draining.Unlock()
	return d.insistAll(ctx, func() ([]state.Write, error) {
		agent, standing := d.whereabouts(name)
		if agent == nil && standing == nil {
			return nil, fmt.Errorf("agent %s: %w", name, store.ErrNotFound)
		}
		next := state.Standing{Agent: name}
		if standing != nil {
			next = *standing
		}
		if next.Drained, next.Deadline = drain, deadline.UTC(); !drain || deadline.IsZero() {
			next.Deadline = time.Time{}
		}
		var writes []state.Write
		if standing != nil || !next.Empty() {
			writes = append(writes, next.Put())
		}
		if agent != nil {
			told := *agent
			told.Drained = drain
			writes = append(writes, told.Put().Under(agent.Lease))
		}
		return writes, nil
	})
}

// whereabouts is what is known of an agent: nil, nothing.
func (d *Dispatcher) whereabouts(name string) (a *state.Agent, s *state.Standing) {
	d.Store.Read(func(f *state.Facts) { a, s = f.Agents[name], f.Standings[name] })
	return a, s
}

// parts notes that an agent has taken leave, so that it does not count as lost.
func (d *Dispatcher) parts(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.parted[name] = true
}

// takeParted says whether an agent has taken leave, and forgets it.
func (d *Dispatcher) takeParted(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	parted := d.parted[name]
	delete(d.parted, name)
	return parted
}

// stand writes down which agents are gone, and what follows from what was known
// of them as time passes.
func (d *Dispatcher) stand(ctx context.Context, keys []state.Key, all bool) (more bool, err error) {
	now := time.Now().UTC()
	if !all && (d.due.IsZero() || now.Before(d.due)) && !slices.ContainsFunc(keys, ofAgents) {
		return false, nil
	}
	gone := map[string]bool{} // and whether it has taken leave
	for _, k := range keys {
		if a, _ := d.whereabouts(k.Name); k.Kind == state.KindAgent && a == nil {
			gone[k.Name] = d.takeParted(k.Name)
		}
	}
	var writes []state.Write
	d.Store.Read(func(f *state.Facts) {
		if all {
			missing(f, gone)
		}
		writes = departed(f, gone, now)
		if room := maxHandOut - len(writes); room > 0 {
			writes = append(writes, outdated(f, now, room)...)
		}
	})
	if more = len(writes) > maxHandOut; more {
		writes = writes[:maxHandOut]
	}
	if err := d.Store.CommitSeen(ctx, writes...); err != nil {
		for name, parted := range gone {
			if parted {
				d.parts(name)
			}
		}
		return false, err
	}
	d.Store.Read(func(f *state.Facts) { d.due = remind(f, now) })
	return more, nil
}

// ofAgents says whether a fact is of an agent.
func ofAgents(k state.Key) bool { return k.Kind == state.KindAgent || k.Kind == state.KindStanding }

// missing adds to gone the agents that are not there and of which that is not
// written down, though they were drained or builds are in their hands.
func missing(f *state.Facts, gone map[string]bool) {
	add := func(name string) {
		if _, known := gone[name]; !known && f.Agents[name] == nil {
			gone[name] = false
		}
	}
	for name, s := range f.Standings {
		if s.GoneAt.IsZero() {
			add(name)
		}
	}
	for _, b := range f.Builds {
		if b.Agent != "" {
			add(b.Agent)
		}
	}
}

// departed writes down who is gone. One that has taken leave and was not drained
// is forgotten.
func departed(f *state.Facts, gone map[string]bool, now time.Time) []state.Write {
	var writes []state.Write
	for name, parted := range gone {
		old := f.Standings[name]
		if f.Agents[name] != nil || old == nil && parted || old != nil && !old.GoneAt.IsZero() {
			continue
		}
		next := old.Gone(name, parted, now)
		writes = append(writes, next.Put())
	}
	return writes
}

// outdated forgets, of at most so many agents, what need not be known any more.
func outdated(f *state.Facts, now time.Time, most int) []state.Write {
	var writes []state.Write
	for name, s := range f.Standings {
		over := s.Over()
		if len(writes) < most && f.Agents[name] == nil && !over.IsZero() && !now.Before(over) {
			writes = append(writes, s.Put().Drop())
		}
	}
	return writes
}

// remind is when something follows by itself from what is known of agents.
func remind(f *state.Facts, now time.Time) (next time.Time) {
	for name, s := range f.Standings {
		at := s.Next()
		if at.IsZero() || s.Late(now) && s.GoneAt.IsZero() && len(f.OfAgent(name)) == 0 {
			continue
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// settleOvertime takes back what drained agents have had long enough, and has
// them end it. With more, some is left for the next transaction.
func (d *Dispatcher) settleOvertime(m *moves, now time.Time) (more bool) {
	if d.due.IsZero() || now.Before(d.due) {
		return false
	}
	for name, s := range m.facts.Standings {
		if !s.Late(now) {
			continue
		}
		for _, b := range m.facts.OfAgent(name) {
			if _, moved := m.writes[b.Put().Key]; moved {
				continue
			}
			if len(m.writes) >= maxHandOut {
				return true
			}
			d.lose(m, b, "agent "+name+" is drained, and its time is over", now)
			if to := d.session(name); to != nil {
				m.forget[to] = append(m.forget[to], attempt{b.ID, int32(b.Attempt)})
			}
		}
	}
	return false
}
