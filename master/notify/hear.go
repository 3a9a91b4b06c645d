package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

const (
	together  = 20               // writes after which no further build's go into a transaction: one has up to 105
	farBehind = 1000             // revisions without consequences that are written down at once
	lazily    = 30 * time.Second // or after that
)

// batch is what follows from some starts and ends, to be written together.
type batch struct {
	notices map[string]state.Notice
	tallies map[string]state.Tally
	due     map[string]int // notices that wait, by channel
	missed  map[string]int // notices that there was no room for, by channel
}

func newBatch(f *state.Facts) *batch {
	b := &batch{notices: map[string]state.Notice{}, tallies: map[string]state.Tally{}, due: map[string]int{}, missed: map[string]int{}}
	for _, n := range f.Notices {
		if n.GivenUpAt.IsZero() {
			b.due[n.Channel]++
		}
	}
	return b
}

// tally is that of an instance, as of the facts or as the batch leaves it.
func (b *batch) tally(f *state.Facts, instance string) state.Tally {
	if t, ok := b.tallies[instance]; ok {
		return t
	}
	if t := f.Tallies[instance]; t != nil {
		return *t
	}
	return state.Tally{}
}

// add takes in notices. One that waits already stays; a commit status takes the
// place of an older one.
func (b *batch) add(f *state.Facts, notices []state.Notice) {
	for _, n := range notices {
		old := f.Notices[n.ID]
		switch {
		case old != nil && (n.Revision == "" || older(n.Build, old.Build)):
			continue
		case old != nil:
			n.Rev = old.Rev
		case b.due[n.Channel] >= maxDue:
			b.missed[n.Channel]++
			continue
		default:
			b.due[n.Channel]++
		}
		b.notices[n.ID] = n
	}
}

// older tells whether a build was begun before another one of its instance.
func older(build, than string) bool {
	a, err := state.ParseBuildID(build)
	b, err2 := state.ParseBuildID(than)
	return err == nil && err2 == nil && a.Number < b.Number
}

// writes are all that the batch comes to.
func (b *batch) writes(f *state.Facts, now time.Time) (all []state.Write) {
	for _, n := range b.notices {
		all = append(all, n.Put())
	}
	for instance, t := range b.tallies {
		if t.Instance != "" {
			all = append(all, t.Put())
		} else if t.Rev != 0 {
			t.Instance = instance
			all = append(all, t.Put().Drop())
		}
	}
	for channel, n := range b.missed {
		all = append(all, full(f, channel, n, now).Put())
	}
	return all
}

// full is a notice to nobody, for those who look: so many found no room.
func full(f *state.Facts, channel string, n int, now time.Time) *state.Notice {
	next := state.Notice{ID: "full." + channel, Channel: channel, Event: "no room", GivenUpAt: now, At: now}
	if old := f.Notices[next.ID]; old != nil {
		next = *old
		next.GivenUpAt = now
	}
	next.Failures += n
	next.Error = fmt.Sprintf("%d were not queued: %d wait already", next.Failures, maxDue)
	return &next
}

// hear takes note of builds that ended together.
func (r *Notifier) hear(ctx context.Context, g group) error {
	heard := r.heard()
	if heard == nil {
		return fmt.Errorf("hear of builds up to revision %d: how far it came is gone from the store", g.revision)
	}
	ends := r.ofInterest(g.ends, heard.Told)
	for len(ends) > 0 {
		writes, told := r.endings(ends)
		ends = ends[len(told):]
		next := state.Heard{Meta: heard.Meta, Revision: heard.Revision, Told: slices.Concat(heard.Told, told)}
		if len(ends) == 0 {
			next.Revision, next.Told = g.revision, nil
		}
		// gofail: var endUnheard struct{}
		if err := r.cfg.Store.CommitSeen(ctx, append(writes, next.Put())...); err != nil {
			return err
		}
		// gofail: var endHeard struct{}
		r.noted, heard = r.cfg.Now(), r.heard()
	}
	r.seen = max(r.seen, g.revision)
	return nil
}

// ofInterest leaves out the builds of which nobody hears, and those that were
// taken note of.
func (r *Notifier) ofInterest(ends []store.Ending, told []string) []store.Ending {
	var some []store.Ending
	r.cfg.Store.Read(func(f *state.Facts) {
		for _, e := range ends {
			m := manifestOf(f, e.ID.Instance)
			if (m != nil && m.Notify != nil || f.Tallies[e.ID.Instance] != nil) && !slices.Contains(told, e.ID.String()) {
				some = append(some, e)
			}
		}
	})
	return some
}

// endings are the writes that follow from as many of the ends, at least one, as
// go into one transaction, and the builds that these are.
func (r *Notifier) endings(ends []store.Ending) (writes []state.Write, told []string) {
	r.cfg.Store.Read(func(f *state.Facts) {
		b := newBatch(f)
		for _, e := range ends {
			if len(b.notices)+len(b.tallies) >= together {
				break
			}
			told = append(told, e.ID.String())
			build, err := e.Build()
			if err != nil {
				r.cfg.Log.Error("nobody hears of the end of a build", "error", err)
				continue
			}
			next, notices := Ended(build, manifestOf(f, e.ID.Instance), b.tally(f, e.ID.Instance), r.cfg.Now())
			b.tallies[e.ID.Instance] = next
			b.add(f, notices)
		}
		writes = b.writes(f, r.cfg.Now())
	})
	return writes, told
}

// starts takes note of builds that run.
func (r *Notifier) starts(ctx context.Context, keys []state.Key, all bool) error {
	var writes []state.Write
	now := r.cfg.Now()
	r.cfg.Store.Read(func(f *state.Facts) {
		b := newStarts(f, keys, all)
		for _, build := range b.builds {
			if len(b.notices)+len(b.tallies) >= together {
				break // the others when these are written: that wakes again
			}
			t := b.tally(f, build.Instance)
			next, notices := Started(build, manifestOf(f, build.Instance), t, now)
			if len(next.Started) > len(t.Started) {
				b.tallies[build.Instance] = next
				b.add(f, notices)
			}
		}
		writes = b.writes(f, now)
	})
	if len(writes) == 0 {
		return nil
	}
	// gofail: var startUnheard struct{}
	if err := r.cfg.Store.CommitSeen(ctx, writes...); err != nil {
		return err
	}
	if len(writes) >= together {
		return r.starts(ctx, keys, all)
	}
	return nil
}

// starting is a batch, and the builds that it is about.
type starting struct {
	*batch
	builds []*state.Build
}

func newStarts(f *state.Facts, keys []state.Key, all bool) starting {
	s := starting{}
	if all {
		for _, b := range f.Builds {
			s.builds = append(s.builds, b)
		}
	}
	for _, k := range keys {
		if b := f.ByName(k.Name); k.Kind == state.KindBuild && b != nil {
			s.builds = append(s.builds, b)
		}
	}
	s.builds = slices.DeleteFunc(s.builds, func(b *state.Build) bool {
		m := manifestOf(f, b.Instance)
		return b.State != state.Running || m == nil || m.Notify == nil
	})
	if len(s.builds) == 0 {
		s.batch = &batch{} // the usual case costs nothing
		return s
	}
	slices.SortFunc(s.builds, func(a, b *state.Build) int { return strings.Compare(a.ID, b.ID) })
	s.batch = newBatch(f)
	return s
}

// catchUp writes down now and then that nothing followed from what was seen, so
// that a new start does not begin far behind.
func (r *Notifier) catchUp(ctx context.Context, now time.Time) {
	heard := r.heard()
	if heard == nil || r.seen <= heard.Revision || r.seen < heard.Revision+farBehind && now.Sub(r.noted) < lazily {
		return
	}
	next := state.Heard{Meta: heard.Meta, Revision: r.seen}
	if err := r.cfg.Store.CommitSeen(ctx, next.Put()); err != nil && ctx.Err() == nil {
		r.cfg.Log.Warn("writing down how far builds were heard of; trying again", "error", err)
		return
	}
	r.noted = now
}

func manifestOf(f *state.Facts, instance string) *manifests.Manifest {
	if in := f.Manifests[instance]; in != nil {
		return in.Manifest
	}
	return nil
}
