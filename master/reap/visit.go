package reap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// visitInTurn visits a place unless it is being visited.
func (r *Reaper) visitInTurn(ctx context.Context, at state.Place) {
	r.mu.Lock()
	p := r.place(at, time.Now())
	r.mu.Unlock()
	select {
	case p.turn <- struct{}{}:
		r.visit(ctx, p, at, Rules{After: r.cfg.After})
		<-p.turn
	default:
	}
}

// visit asks what is held at a place, decides, and has ended what is to end.
func (r *Reaper) visit(ctx context.Context, p *place, at state.Place, rules Rules) {
	r.mu.Lock()
	last := p.report
	r.mu.Unlock()
	next := r.look(ctx, last, rules)
	r.mu.Lock()
	defer r.mu.Unlock()
	p.report, p.next = next, time.Now().Add(r.cfg.Interval)
	if next.Error != "" && next.Error != last.Error && next.Error != state.ErrAway.Error() && ctx.Err() == nil {
		r.cfg.Log.Warn("what a provider holds could not be compared with what is owned", "kind", at.Kind, "provider", at.Provider, "agent", at.Agent, "error", next.Error)
	}
}

// look is visit without the bookkeeping: what is known after it.
func (r *Reaper) look(ctx context.Context, last Report, rules Rules) Report {
	at := last.Place
	now := time.Now().UTC()
	listing, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	things, err := r.cfg.Agents.Holdings(listing, at)
	if err != nil {
		last.Error = err.Error()
		return last // what was seen before still was
	}
	v, held := r.decide(last, things, rules, now)
	next := Report{Place: at, CheckedAt: now, Listed: v.Listed, HeldBack: v.HoldBack, Unowned: v.Unowned}
	if err := r.note(ctx, at, v, held, now); err != nil {
		next.Error = err.Error()
		return next // decided again the next time
	}
	if err := r.end(ctx, at, v, last.Unowned); err != nil {
		next.Error = err.Error()
	}
	return next
}

func (r *Reaper) decide(last Report, things []state.Held, rules Rules, now time.Time) (v Verdict, held *state.HeldBack) {
	before := map[string]time.Time{}
	for _, u := range last.Unowned {
		before[u.Token] = u.Since
	}
	r.cfg.Store.Read(func(f *state.Facts) {
		held = f.HeldBacks[last.String()]
		v = Decide(Situation{
			Kind: last.Kind, Installation: r.cfg.Installation, Things: things, Owners: OwnersOf(f), Before: before, HeldBack: held != nil,
		}, rules, now)
	})
	v.End = v.End[:min(len(v.End), atOnce)]
	return v, held
}

// note writes down that a place is held back, or that it is no more, and says
// so loudly: a person must look.
func (r *Reaper) note(ctx context.Context, at state.Place, v Verdict, held *state.HeldBack, now time.Time) error {
	if v.HoldBack {
		r.cfg.Log.Error("nothing is reaped: so much is owned by nobody that the facts are to be doubted; look with wright reap list, allow it with wright reap run --force",
			"kind", at.Kind, "provider", at.Provider, "agent", at.Agent, "unowned", len(v.Unowned), "of", v.Listed)
	}
	var w state.Write
	switch {
	case v.HoldBack && held == nil:
		w = (&state.HeldBack{Place: at, Unowned: len(v.Unowned), Of: v.Listed, Since: now}).Put()
	case !v.HoldBack && held != nil:
		w = held.Put().Drop()
	default:
		return nil
	}
	err := r.cfg.Store.CommitSeen(ctx, w)
	if errors.Is(err, store.ErrConflict) {
		return errors.New("a person has just allowed it, or somebody else is at it")
	}
	return err
}

// end has what is to end ended, and marks it in v. What was reported ended by
// the visit before and is still there is ended again.
func (r *Reaper) end(ctx context.Context, at state.Place, v Verdict, before []Unowned) error {
	if len(v.End) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	// gofail: var unownedFound struct{}
	failed, err := r.cfg.Agents.EndHoldings(ctx, at, v.End)
	if err != nil {
		return fmt.Errorf("end what nobody owns: %w", err)
	}
	// gofail: var unownedEnded struct{}
	for i := range v.Unowned {
		u := &v.Unowned[i]
		if !slices.Contains(v.End, u.Token) {
			continue
		}
		log := r.cfg.Log.With("kind", at.Kind, "provider", at.Provider, "agent", at.Agent, "token", u.Token,
			"instance", u.Tags["wright-instance"], "created", u.CreatedAt, "unowned_since", u.Since)
		if u.Error = failed[u.Token]; u.Error != "" {
			log.Warn("what nobody owns could not be ended; trying again", "error", u.Error)
			continue
		}
		u.Ended = time.Now().UTC()
		again := slices.ContainsFunc(before, func(b Unowned) bool { return b.Token == u.Token && !b.Ended.IsZero() })
		log.Info("reaped", "again", again)
	}
	return nil
}

// Reports is what is known of every place, in order.
func (r *Reaper) Reports() []Report {
	known := map[state.Place]Report{}
	r.mu.Lock()
	for at, p := range r.places {
		known[at] = p.report
	}
	r.mu.Unlock()
	r.cfg.Store.Read(func(f *state.Facts) {
		for at, report := range known {
			report.HeldBack = f.HeldBacks[at.String()] != nil
			known[at] = report
		}
		for _, h := range f.HeldBacks { // of another life of this master, perhaps at an agent that is gone
			if _, is := known[h.Place]; !is {
				known[h.Place] = Report{Place: h.Place, HeldBack: true}
			}
		}
	})
	return slices.SortedFunc(maps.Values(known), func(a, b Report) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Provider, b.Provider), strings.Compare(a.Agent, b.Agent))
	})
}

// DueAt is when a thing ends, should nobody own it until then.
func (r *Reaper) DueAt(u Unowned) time.Time { return u.Since.Add(r.cfg.After) }
