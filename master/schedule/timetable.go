package schedule

import (
	"hash/fnv"
	"math"
	"time"
)

// timetable keeps instances with equal intervals apart: of each group no second
// starts more than its share, which is one as long as there are no more of them
// than their interval has seconds. It holds nothing that must survive: what is
// planned is in the facts, and what they say is taken as it is.
type timetable struct {
	groups map[time.Duration]*group
	starts map[string]start // by instance
}

// start is when an instance may start.
type start struct {
	every time.Duration
	at    time.Time
}

// group is all instances of one interval.
type group struct {
	size  int
	taken map[int64]int   // by second
	spent []int64         // seconds that were used not long ago: they stay taken
	skip  map[int64]int64 // from a second that was found full to where to look on
}

func newTimetable() *timetable {
	return &timetable{groups: map[time.Duration]*group{}, starts: map[string]start{}}
}

// place finds room for an instance at a time, or in the first second after it
// that has some.
func (t *timetable) place(name string, every time.Duration, from time.Time) time.Time {
	t.drop(name)
	g := t.group(every)
	at := from
	if second := g.find(from.Unix(), g.share(every)); second != from.Unix() {
		at = time.Unix(second, 0).UTC()
	}
	t.add(name, start{every, at})
	return at
}

// keep takes down what was planned before.
func (t *timetable) keep(name string, every time.Duration, at time.Time) {
	t.drop(name)
	t.add(name, start{every, at})
}

func (t *timetable) add(name string, s start) {
	g := t.group(s.every)
	g.size++
	g.taken[s.at.Unix()]++
	t.starts[name] = s
}

// drop gives up the place of an instance, if it has one.
func (t *timetable) drop(name string) {
	s, ok := t.starts[name]
	if !ok {
		return
	}
	delete(t.starts, name)
	g := t.groups[s.every]
	g.free(s.at.Unix())
	if g.size--; g.size == 0 && len(g.spent) == 0 {
		delete(t.groups, s.every)
	}
}

func (g *group) free(second int64) {
	if g.taken[second]--; g.taken[second] <= 0 {
		delete(g.taken, second)
	}
	clear(g.skip)
}

// spend gives up the place of an instance that starts, and has its second stay
// taken.
func (t *timetable) spend(name string, now time.Time) {
	s, ok := t.starts[name]
	if !ok {
		return
	}
	g := t.groups[s.every]
	for len(g.spent) > 0 && g.spent[0] < now.Add(-tooLate).Unix() {
		g.free(g.spent[0])
		g.spent = g.spent[1:]
	}
	g.taken[s.at.Unix()]++
	g.spent = append(g.spent, s.at.Unix())
	t.drop(name)
}

// tooLate is how long after its place an instance loses it: then the machine
// has slept, or its clock was put forward, and all others are late too.
const tooLate = time.Minute

// due is when an instance may start that is due at a time: then, or, if that has
// passed without it, as soon as there is room.
func (t *timetable) due(name string, every time.Duration, at, now time.Time) time.Time {
	s, ok := t.starts[name]
	switch {
	case ok && s.every == every && !s.at.Before(at) && now.Sub(s.at) < tooLate:
		return s.at
	case at.After(now):
		t.keep(name, every, at)
		return at
	}
	return t.place(name, every, now)
}

func (t *timetable) group(every time.Duration) *group {
	g := t.groups[every]
	if g == nil {
		g = &group{taken: map[int64]int{}, skip: map[int64]int64{}}
		t.groups[every] = g
	}
	return g
}

// share is how many of the group may start in one second, with one more in it.
func (g *group) share(every time.Duration) int {
	return max(1, int(math.Ceil(float64(g.size+1)/every.Seconds())))
}

// find is the first second, from the one given, in which fewer start.
func (g *group) find(second int64, share int) int64 {
	at := second
	for g.taken[at] >= share {
		if next, ok := g.skip[at]; ok {
			at = next
			continue
		}
		at++
	}
	if at > second {
		g.skip[second] = at
	}
	return at
}

// phase is where in an interval an instance starts: always the same, spread
// evenly over all instances.
func phase(name string, every time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return time.Duration(mix(h.Sum64())%uint64(max(every/time.Second, 1))) * time.Second
}

// mix spreads what similar names have in common over all bits (the end of
// MurmurHash3).
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
