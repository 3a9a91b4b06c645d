package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

const (
	idle   = 30 * time.Second // between two looks where nothing happens
	leave  = 2 * time.Second  // for what is under way when the master stops
	record = time.Second      // for writing down what came of it
)

// result is what came of one try.
type result struct {
	notice *state.Notice
	err    error
}

// settle drops what was delivered, forgets what is old, starts what is due and
// tells when to look again.
func (r *Notifier) settle(ctx, work context.Context) time.Duration {
	now := r.cfg.Now()
	for _, n := range r.delivered {
		r.drop(ctx, n)
	}
	r.catchUp(ctx, now)
	due, over, next := r.due(now)
	for _, w := range over {
		if err := r.cfg.Store.CommitSeen(ctx, w); err != nil && !errors.Is(err, store.ErrConflict) && ctx.Err() == nil {
			r.cfg.Log.Warn("forgetting a notice whose time is over; trying again", "key", w.Key, "error", err)
		}
	}
	for _, n := range due {
		r.flying[n.ID] = true
		go func() { r.results <- result{n, r.deliver(work, n)} }()
	}
	return next
}

// due lists what may be tried now, which lanes are taken for, what is over, and
// when something else will be due.
func (r *Notifier) due(now time.Time) (due []*state.Notice, over []state.Write, next time.Duration) {
	var waiting []*state.Notice
	r.cfg.Store.Read(func(f *state.Facts) {
		for _, n := range f.Notices {
			if w, is := aged(n, now); is && !r.flying[n.ID] {
				over = append(over, w)
			} else if n.GivenUpAt.IsZero() && !r.flying[n.ID] && r.delivered[n.ID] == nil {
				waiting = append(waiting, n)
			}
		}
		for name, t := range f.Tallies {
			if i := f.Instances[name]; !f.Known(name) && (i == nil || i.Deleted) {
				over = append(over, t.Put().Drop())
			}
		}
	})
	slices.SortFunc(waiting, func(a, b *state.Notice) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	next = idle
	lanes := map[string]bool{}
	for _, n := range waiting {
		lanes[laneOf(n)] = true
		if in := untilNext(r.nextAt(n), now); in > 0 {
			next = min(next, in)
			continue
		}
		in, free := r.lanes.take(laneOf(n), now, len(r.flying)+len(due) < allTogether)
		if free {
			due = append(due, n)
		} else if in > 0 {
			next = min(next, in)
		}
	}
	r.lanes.keep(lanes)
	return due, over, max(next, time.Millisecond)
}

// nextAt is when a notice may be tried. A master that was started anew tries all
// at once: perhaps somebody has repaired what was wrong.
func (r *Notifier) nextAt(n *state.Notice) time.Time {
	if n.Rev <= r.began {
		return time.Time{}
	}
	return n.NextAt
}

// untilNext is how long a notice waits. What is farther off than it can have been was
// written down before the clock was put back.
func untilNext(at, now time.Time) time.Duration {
	if in := at.Sub(now); in <= longestWait {
		return in
	}
	return 0
}

// aged is the write for a notice whose time is over: it is given up, or
// forgotten.
func aged(n *state.Notice, now time.Time) (w state.Write, is bool) {
	if !n.GivenUpAt.IsZero() {
		return n.Put().Drop(), now.Sub(n.GivenUpAt) > keepGivenUp
	}
	if now.Sub(n.At) <= patience(n) {
		return w, false
	}
	next := *n
	next.GivenUpAt, next.NextAt = now, time.Time{}
	next.Error = cmp.Or(next.Error, fmt.Sprintf("nobody took it for %s", patience(n)))
	return next.Put(), true
}

// conclude writes down what came of a try.
func (r *Notifier) conclude(ctx context.Context, res result) {
	n, now := res.notice, r.cfg.Now()
	delete(r.flying, n.ID)
	said := outcome.Of(res.err)
	r.note(n, said, now)
	if res.err == nil {
		// gofail: var noticeDelivered struct{}
		r.delivered[n.ID] = n
		r.drop(ctx, n)
		return
	}
	next := *n
	next.Tries, next.Error = n.Tries+1, res.err.Error()
	if said.Final {
		next.GivenUpAt, next.NextAt = now, time.Time{}
		r.cfg.Log.Warn("a notice was given up", "notice", n.ID, "error", res.err)
	} else {
		next.NextAt = now.Add(min(max(pause(next.Tries), said.After), longestWait))
	}
	if err := r.cfg.Store.CommitSeen(ctx, next.Put()); err != nil && !errors.Is(err, store.ErrConflict) && ctx.Err() == nil {
		r.cfg.Log.Warn("writing down why a notice waits", "notice", n.ID, "error", err)
	}
}

// note takes in how the far side is doing.
func (r *Notifier) note(n *state.Notice, said outcome.Error, now time.Time) {
	name := laneOf(n)
	switch began := r.lanes.landed(name, said, now); {
	case began && said.Far:
		r.cfg.Log.Warn("notices cannot be delivered; trying again, less and less often", "to", name, "error", said.Err)
	case began:
		r.cfg.Log.Info("notices are delivered again", "to", name)
	}
}

// drop deletes what was delivered. If that fails it is tried again, and nothing
// is sent meanwhile. A notice that was replaced meanwhile stays: it says
// something newer.
func (r *Notifier) drop(ctx context.Context, n *state.Notice) {
	err := r.cfg.Store.CommitSeen(ctx, n.Put().Drop())
	if err != nil && !errors.Is(err, store.ErrConflict) {
		if ctx.Err() == nil {
			r.cfg.Log.Warn("dropping a notice that was delivered; trying again", "notice", n.ID, "error", err)
		}
		return
	}
	if err != nil && r.cfg.Store.CatchUp(ctx) != nil {
		return
	}
	// gofail: var noticeDropped struct{}
	delete(r.delivered, n.ID)
}

// finish waits a little for what is under way when the master stops, ends the
// rest, and writes down what was delivered: nothing is to be sent twice.
func (r *Notifier) finish(work context.Context, stop context.CancelFunc) {
	late := time.NewTimer(leave)
	defer late.Stop()
	for len(r.flying) > 0 {
		select {
		case res := <-r.results:
			delete(r.flying, res.notice.ID)
			if res.err == nil {
				r.delivered[res.notice.ID] = res.notice
			}
		case <-late.C:
			stop()
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(work), record)
	defer cancel()
	for _, n := range r.delivered {
		if _, err := r.cfg.Store.Commit(ctx, n.Put().Drop()); err != nil && !errors.Is(err, store.ErrConflict) {
			r.cfg.Log.Warn("a notice was delivered and will be once more", "notice", n.ID, "error", err)
		}
	}
}
