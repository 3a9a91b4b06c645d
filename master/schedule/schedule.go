// Package schedule turns changes, the clock and people's wishes into requests:
// queued builds. Whether an instance is built because of what happened is
// decided by Decide, whether because of its time by Periodic, purely and from
// the facts alone, so nothing is lost when the master dies anywhere. The package
// numbers builds and is the only one that makes them; it does not know agents,
// nor how it is found out what a movement changed.
package schedule

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// Scheduler is the room. Run must run for anything to happen.
type Scheduler struct {
	store *store.Store
	log   *slog.Logger
	asked chan *wish

	// owned by Run
	index   watchlist.Index
	follows map[string][]string        // by instance: those that it follows
	after   map[string]map[string]bool // by instance: those that follow it
	alarms  *alarms
	table   *timetable
	diffs   *diffs
	timer   *time.Timer
}

// New makes the room. Without a comparer (nil) every movement counts.
func New(st *store.Store, c Comparer, log *slog.Logger) *Scheduler {
	return &Scheduler{
		store: st, log: log, asked: make(chan *wish, maxTogether),
		follows: map[string][]string{}, after: map[string]map[string]bool{}, alarms: newAlarms(), table: newTimetable(), diffs: newDiffs(c),
	}
}

// Run decides until ctx ends, and waits for what it has begun to ask.
func (s *Scheduler) Run(ctx context.Context) error {
	sub := s.store.Subscribe(state.KindInForce, state.KindInstance, state.KindRef, state.KindReport, state.KindLast, state.KindAppServer)
	defer s.store.Unsubscribe(sub)
	s.timer = time.NewTimer(time.Hour)
	defer s.timer.Stop()
	ctx, cancel := context.WithCancel(ctx)
	defer s.diffs.running.Wait()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sub.Wake():
			s.decide(ctx, s.concerned(sub.Take()))
		case w := <-s.asked:
			s.grant(ctx, w)
		case f := <-s.diffs.found:
			for name := range s.diffs.take(f) {
				s.consider(ctx, name, wall())
			}
		case <-s.timer.C:
			s.decide(ctx, s.alarms.take(wall()))
		}
		s.setTimer()
	}
}

// wall is the time by the clock on the wall, which may be put forward and back:
// schedules go by that, and so do they after a restart.
func wall() time.Time { return time.Now().UTC().Round(0) }

// maxSleep bounds how late it is noticed that the clock was put forward, or that
// the machine has slept.
const maxSleep = 5 * time.Second

func (s *Scheduler) setTimer() {
	sleep := maxSleep
	if next, ok := s.alarms.next(); ok {
		sleep = min(sleep, next.Sub(wall()))
	}
	s.timer.Reset(max(sleep, time.Millisecond))
}

func (s *Scheduler) decide(ctx context.Context, all []alarmKey) {
	for _, k := range all {
		if k.what == changes {
			s.consider(ctx, k.instance, wall())
		} else {
			s.considerTime(ctx, k.instance, wall())
		}
	}
}

// concerned brings the index up to date and names what there may be something
// new to decide about.
func (s *Scheduler) concerned(keys []state.Key, all bool) (due []alarmKey) {
	wanted := map[alarmKey]bool{}
	s.store.Read(func(f *state.Facts) {
		if all {
			s.index, s.follows, s.after = watchlist.Index{}, map[string][]string{}, map[string]map[string]bool{}
			for name := range f.Manifests {
				s.begin(f, name)
				wanted[alarmKey{name, changes}], wanted[alarmKey{name, periods}] = true, true
			}
			return
		}
		for _, k := range keys {
			s.concern(f, k, wanted)
		}
	})
	for k := range wanted {
		due = append(due, k)
	}
	slices.SortFunc(due, func(a, b alarmKey) int {
		return cmp.Or(cmp.Compare(a.instance, b.instance), cmp.Compare(a.what, b.what))
	})
	return due
}

// begin takes in all that is known of an instance.
func (s *Scheduler) begin(f *state.Facts, name string) {
	s.reindex(f, name)
	m, i := manifestOf(f, name), f.Instances[name]
	if m.Periodic != nil && i != nil && i.Timing != nil && i.Timing.Due.After(wall()) {
		s.table.keep(name, m.Periodic.Interval, i.Timing.Due)
	}
}

// concern adds what one fact that changed may lead to.
func (s *Scheduler) concern(f *state.Facts, k state.Key, wanted map[alarmKey]bool) {
	switch k.Kind {
	case state.KindInForce, state.KindReport:
		s.reindex(f, k.Name)
		wanted[alarmKey{k.Name, changes}] = true
		if k.Kind == state.KindInForce {
			wanted[alarmKey{k.Name, periods}] = true
		}
	case state.KindInstance:
		wanted[alarmKey{k.Name, changes}] = true
		if timed(f, k.Name) {
			wanted[alarmKey{k.Name, periods}] = true
		}
	case state.KindRef:
		if ref := f.Refs[k.Name]; ref != nil {
			for _, name := range s.index.Instances(ref.Key()) {
				wanted[alarmKey{name, changes}] = true
			}
		}
	case state.KindLast:
		if timed(f, k.Name) {
			wanted[alarmKey{k.Name, periods}] = true
		}
		for name := range s.after[k.Name] {
			wanted[alarmKey{name, changes}] = true
		}
	case state.KindAppServer:
		if a := f.AppServers[k.Name]; a != nil && timed(f, a.Instance) {
			wanted[alarmKey{a.Instance, periods}] = true
		}
	}
}

// timed says whether an instance is on schedule, or was.
func timed(f *state.Facts, name string) bool {
	m, i := manifestOf(f, name), f.Instances[name]
	return m != nil && m.Periodic != nil || i != nil && i.Timing != nil
}

func (s *Scheduler) reindex(f *state.Facts, name string) {
	m := manifestOf(f, name)
	s.index.Set(name, watchlist.Merge(m, f.Reports[name]))
	for _, other := range s.follows[name] {
		delete(s.after[other], name)
	}
	delete(s.follows, name)
	if m == nil || len(m.When.After) == 0 {
		return
	}
	s.follows[name] = m.When.After
	for _, other := range m.When.After {
		if s.after[other] == nil {
			s.after[other] = map[string]bool{}
		}
		s.after[other][name] = true
	}
}

// consider decides whether one instance is built because of what happened, and
// carries the verdict out.
func (s *Scheduler) consider(ctx context.Context, name string, now time.Time) {
	situation, waiting := s.situation(name)
	if s.diffs.comparer != nil {
		situation.Changed = s.diffs.of
	}
	v := Decide(situation, now)
	s.alarms.set(alarmKey{name, changes}, v.Wake)
	s.diffs.ask(ctx, name, v.Ask)
	if v.Build == nil && !v.remembers(situation.Instance) {
		return
	}
	i := situation.Instance
	i.Name, i.Seen, i.Followed = name, v.Seen, v.Followed
	var writes []state.Write
	if v.Build != nil {
		writes = append(writes, s.request(&i, situation.Manifest, *v.Build, now)...)
	}
	if v.Joined {
		// Written even where it says nothing new: if the build was handed out
		// meanwhile, or is just now from older facts, one of the two fails.
		for _, b := range waiting {
			b.Reason.Join(v.Join)
			writes = append(writes, b.Put())
		}
	}
	s.conclude(ctx, alarmKey{name, changes}, now, append(writes, i.Put()))
}

// considerTime decides whether it is time to build one instance, and carries
// out what follows.
func (s *Scheduler) considerTime(ctx context.Context, name string, now time.Time) {
	standing, waiting := s.standing(name)
	tick := Periodic(standing, s.table, now)
	s.alarms.set(alarmKey{name, periods}, tick.Wake)
	if tick.Timing.Same(standing.Instance.Timing) && tick.Build == nil {
		return
	}
	i := standing.Instance
	i.Timing = tick.Timing
	var writes []state.Write
	if tick.Build != nil {
		writes = append(writes, s.request(&i, standing.Manifest, *tick.Build, now)...)
	}
	if tick.Joined {
		for _, b := range waiting {
			writes = append(writes, b.Put()) // fails if it was handed out meanwhile
		}
	}
	s.conclude(ctx, alarmKey{name, periods}, now, append(writes, i.Put()))
}

// request is the writes of a new build, and of those that belong to it.
func (s *Scheduler) request(i *state.Instance, m *manifests.Manifest, why state.Reason, now time.Time) []state.Write {
	var writes []state.Write
	for _, b := range s.family(i, newBuild(i, m, Request{}, why, now)) {
		s.log.Info("build requested", "build", b.ID, "reason", b.Reason.Text)
		writes = append(writes, b.Put())
	}
	return writes
}

// conclude stores what follows from a decision. If that fails the decision is
// made anew.
func (s *Scheduler) conclude(ctx context.Context, k alarmKey, now time.Time, writes []state.Write) {
	// gofail: var decisionUnstored struct{}
	err := s.store.CommitSeen(ctx, writes...)
	// gofail: var decisionStored struct{}
	if errors.Is(err, store.ErrConflict) {
		if err = s.store.CatchUp(ctx); err == nil {
			s.alarms.set(k, now)
		}
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("a decision could not be stored; deciding again", "instance", k.instance, "error", err)
		s.alarms.set(k, now.Add(time.Second))
	}
}
