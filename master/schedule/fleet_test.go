package schedule

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// fleet is many instances with one interval, a clock, and a master that dies.
type fleet struct {
	now     time.Time
	names   []string
	m       *manifests.Manifest
	timing  map[string]*state.Timing
	table   *timetable
	alarms  *alarms
	starts  map[string][]time.Time
	seconds map[int64]int
}

func newFleet(n int, interval time.Duration, from time.Time) *fleet {
	f := &fleet{now: from, m: every(interval), timing: map[string]*state.Timing{}, starts: map[string][]time.Time{}, seconds: map[int64]int{}}
	for i := range n {
		f.names = append(f.names, fmt.Sprintf("shop-%d", i))
	}
	f.restart()
	return f
}

// restart is what a master finds that comes up.
func (f *fleet) restart() {
	f.table, f.alarms = newTimetable(), newAlarms()
	for _, name := range f.names {
		if t := f.timing[name]; t != nil && t.Due.After(f.now) {
			f.table.keep(name, f.m.Periodic.Interval, t.Due)
		}
	}
	for _, name := range f.names {
		f.decide(name)
	}
}

func (f *fleet) decide(name string) {
	k := Periodic(Standing{Manifest: f.m, Instance: state.Instance{Name: name, Timing: f.timing[name]}}, f.table, f.now)
	f.timing[name] = k.Timing
	f.alarms.set(alarmKey{name, periods}, k.Wake)
	if k.Build != nil {
		f.starts[name] = append(f.starts[name], f.now)
		f.seconds[f.now.Unix()]++
	}
}

// run lets time pass.
func (f *fleet) run(until time.Time) {
	for {
		at, ok := f.alarms.next()
		if !ok || at.After(until) {
			f.now = until
			return
		}
		f.now = at
		for _, k := range f.alarms.take(at) {
			f.decide(k.instance)
		}
	}
}

// Ten thousand with one interval: no second starts more than its share, not in
// the first round, not after an outage; each starts once in every interval, to
// the second; what was missed is made up for once.
func TestEqualIntervalsDoNotStartTogether(t *testing.T) {
	for _, c := range []struct {
		n        int
		interval time.Duration
	}{{10_000, 24 * hour}, {10_000, 3 * hour}, {10_000, hour}, {500, time.Minute}, {10_000, 2*hour + 500*time.Millisecond}} {
		t.Run(fmt.Sprint(c.n, c.interval), func(t *testing.T) {
			share := int(math.Ceil(float64(c.n) / c.interval.Seconds()))
			f := newFleet(c.n, c.interval, noon())
			f.run(f.now.Add(4*c.interval + time.Second))
			f.check(t, share, 4)
			for name, all := range f.starts {
				for i := 1; i < len(all); i++ {
					if gap := all[i].Sub(all[i-1]) - c.interval; gap.Abs() > time.Second {
						t.Fatalf("%s: %s after %s", name, all[i], all[i-1])
					}
				}
			}
			f.starts = map[string][]time.Time{}
			f.now = f.now.Add(10*c.interval + 5*c.interval/24)
			f.restart()
			f.run(f.now.Add(c.interval + time.Second))
			f.check(t, share, 1)
		})
	}
}

func (f *fleet) check(t *testing.T, share, times int) {
	t.Helper()
	for second, n := range f.seconds {
		if n > share {
			t.Fatalf("%d start in second %d, its share is %d", n, second, share)
		}
	}
	for _, name := range f.names {
		if n := len(f.starts[name]); n < times || n > times+1 {
			t.Fatalf("%s started %d times, want %d", name, n, times)
		}
	}
}

// The machine slept, or its clock was put forward: all are late at once.
func TestAllLateAtOnce(t *testing.T) {
	f := newFleet(3000, hour, noon())
	f.run(noon().Add(2 * hour))
	f.seconds, f.starts = map[int64]int{}, map[string][]time.Time{}
	f.now = f.now.Add(5 * hour)
	for _, k := range f.alarms.take(f.now) {
		f.decide(k.instance)
	}
	f.run(f.now.Add(hour))
	f.check(t, 1, 1)
}

// course is one instance through a year of accidents. Real time goes on, the
// clock on the wall may be put back.
type course struct {
	real     time.Duration
	offset   time.Duration
	interval time.Duration
	i        state.Instance
	builds   []*state.Build
	began    []time.Duration // starts by schedule, in real time
	hand     time.Time
	table    *timetable
}

func (c *course) now() time.Time { return noon().Add(c.real + c.offset) }

func (c *course) live() (all []*state.Build) {
	for _, b := range c.builds {
		if !b.State.Final() {
			all = append(all, b)
		}
	}
	return all
}

func (c *course) start(kind string) *state.Build {
	c.i.LastNumber++
	b := &state.Build{Number: c.i.LastNumber, State: state.Queued, Reason: state.Reason{Kind: kind}, QueuedAt: c.now()}
	c.builds = append(c.builds, b)
	return b
}

func (c *course) decide(t *rapid.T) {
	s := Standing{Manifest: every(c.interval), Instance: c.i, Live: c.live(), Hand: c.hand}
	if n := len(c.builds); n > 0 && c.builds[n-1].State == state.Queued {
		s.Waiting = true
	}
	k := Periodic(s, c.table, c.now())
	c.i.Timing = k.Timing
	if k.Build == nil {
		return
	}
	for _, b := range c.live() {
		if c.now().Sub(b.QueuedAt) < 24*hour {
			t.Fatal("it starts while one is under way")
		}
	}
	if n := len(c.began); n > 0 && c.real-c.began[n-1] < c.interval-min(tooLate, c.interval/2) {
		t.Fatalf("it starts %s after the last time, of %s", c.real-c.began[n-1], c.interval)
	}
	c.began = append(c.began, c.real)
	c.start("periodic")
}

func TestNothingStartsTwiceOrNeverAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &course{
			interval: rapid.SampledFrom([]time.Duration{2 * time.Second, 90 * time.Second, hour, 24 * hour}).Draw(t, "interval"),
			i:        state.Instance{Name: "shop"}, table: newTimetable(),
		}
		pass := func(t *rapid.T, most time.Duration) {
			c.real += time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, "passes"))
			c.decide(t)
		}
		t.Repeat(map[string]func(*rapid.T){
			"pass":     func(t *rapid.T) { pass(t, c.interval/3) },
			"pass far": func(t *rapid.T) { pass(t, 3*c.interval) },
			"put back": func(t *rapid.T) {
				c.offset -= time.Duration(rapid.Int64Range(0, int64(5*c.interval)).Draw(t, "by"))
				c.decide(t)
			},
			"restart": func(t *rapid.T) { c.table = newTimetable(); c.decide(t) },
			"person":  func(*rapid.T) { c.start("person") },
			"spawn": func(t *rapid.T) {
				c.hand = c.now()
				c.decide(t)
			},
			"move": func(t *rapid.T) {
				for _, b := range c.live() {
					b.State = rapid.SampledFrom([]state.BuildState{state.Assigned, state.Succeeded, state.Failed}).Draw(t, "state")
				}
				c.decide(t)
			},
		})
		for _, b := range c.live() {
			b.State = state.Succeeded
		}
		before := len(c.began)
		for range 40 {
			c.real += c.interval / 10
			c.decide(t)
			for _, b := range c.live() {
				b.State = state.Succeeded
			}
		}
		if n := len(c.began) - before; n < 2 || n > 5 {
			t.Fatalf("it started %d times in 4 intervals of rest", n)
		}
	})
}
