package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

const hour = time.Hour

// noon is the day on which the tables below are.
func noon() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

func every(d time.Duration) *manifests.Manifest {
	return &manifests.Manifest{Instance: "shop", Periodic: &manifests.Periodic{Interval: d}}
}

func cron(s, zone string, retries int) *manifests.Manifest {
	return &manifests.Manifest{Instance: "shop", Periodic: &manifests.Periodic{Cron: s, TimeZone: zone, Retries: retries}}
}

// timing is one of the day's schedule every 24 hours: since and due in hours
// from noon.
func timing(since, due float64) *state.Timing {
	return &state.Timing{Spec: "every 24h", Since: hours(since), Due: hours(due)}
}

func hours(h float64) time.Time { return noon().Add(time.Duration(h * float64(hour))) }

func live(s state.BuildState, begun float64) *state.Build {
	b := &state.Build{ID: "shop-000009", Number: 9, State: s, QueuedAt: hours(begun)}
	if s == state.Running {
		b.StartedAt = b.QueuedAt
	}
	return b
}

// ended is build 7, which ended an hour ago and had come to its AppServer.
func ended(s state.BuildState) *state.Build {
	return &state.Build{ID: "shop-000007", Number: 7, State: s, Deploying: true, Error: "no quota", EndedAt: hours(-1)}
}

func timing7(tries int) *state.Timing { return started7(timing(-2, 22), tries).Timing }

func started7(t *state.Timing, tries int) state.Instance {
	t.Build, t.Tries = 7, tries
	return state.Instance{Name: "shop", LastNumber: 7, Timing: t}
}

func showTick(k Tick) string {
	var out []string
	if k.Build != nil {
		out = append(out, "build ("+k.Build.Text+")")
	}
	if k.Joined {
		out = append(out, "joins")
	}
	if k.Wait != "" {
		out = append(out, "waits: "+k.Wait)
	}
	in := func(t time.Time) string { return strings.TrimSuffix(fmt.Sprintf("%.2f", t.Sub(noon()).Hours()), ".00") }
	if t := k.Timing; t != nil {
		out = append(out, "since="+in(t.Since)+" due="+in(t.Due))
		if t.Tries > 0 {
			out = append(out, fmt.Sprintf("tries=%d", t.Tries))
		}
	}
	if !k.Wake.IsZero() {
		out = append(out, "wake="+in(k.Wake))
	}
	return strings.Join(out, " ")
}

// It is noon; hours count from then.
func TestPeriodic(t *testing.T) {
	daily, retried := every(24*hour), every(24*hour)
	retried.Periodic.Retries = 2
	slow := every(24 * hour)
	slow.Steps = []manifests.Step{{Timeout: 30 * hour}}
	shop := func(t *state.Timing) state.Instance { return state.Instance{Name: "shop", LastNumber: 9, Timing: t} }
	archived := shop(timing(-30, -6))
	archived.Archived = true
	for name, c := range map[string]struct {
		standing Standing
		want     string
	}{
		"not in force":                           {Standing{Instance: shop(timing(-30, -6))}, "since=-30 due=-6"},
		"no schedule":                            {Standing{Manifest: &manifests.Manifest{}, Instance: shop(timing(-30, -6))}, ""},
		"archived":                               {Standing{Manifest: daily, Instance: archived}, "since=-30 due=-6"},
		"its time has not come":                  {Standing{Manifest: daily, Instance: shop(timing(-20, 4))}, "since=-20 due=4 wake=4"},
		"its time is now":                        {Standing{Manifest: daily, Instance: shop(timing(-24, 0))}, "build (periodic: every 24h) since=0 due=24 wake=24"},
		"missed once":                            {Standing{Manifest: daily, Instance: shop(timing(-30, -6))}, "build (periodic: every 24h, due since 2026-05-04T06:00:00Z) since=0 due=24 wake=24"},
		"missed for a month":                     {Standing{Manifest: daily, Instance: shop(timing(-744, -720))}, "build (periodic: every 24h, due since 2026-04-04T12:00:00Z) since=0 due=24 wake=24"},
		"a little late":                          {Standing{Manifest: daily, Instance: shop(timing(-24.01, -0.01))}, "build (periodic: every 24h) since=-0.01 due=23.99 wake=23.99"},
		"one waits already":                      {Standing{Manifest: daily, Instance: shop(timing(-24, 0)), Waiting: true, Live: []*state.Build{live(state.Queued, -1)}}, "joins since=0 due=24 wake=24"},
		"one is under way":                       {Standing{Manifest: daily, Instance: shop(timing(-24, 0)), Live: []*state.Build{live(state.Running, -1)}}, "waits: build shop-000009 is under way since=-24 due=0 wake=23"},
		"one is under way, not due":              {Standing{Manifest: daily, Instance: shop(timing(-20, 4)), Live: []*state.Build{live(state.Running, -1)}}, "since=-20 due=4 wake=4"},
		"one waits for an old revision":          {Standing{Manifest: daily, Instance: shop(timing(-24, 0)), Live: []*state.Build{live(state.Queued, -1)}}, "waits: build shop-000009 is under way since=-24 due=0 wake=23"},
		"one hangs":                              {Standing{Manifest: daily, Instance: shop(timing(-48, -24)), Live: []*state.Build{live(state.Running, -24)}}, "build (periodic: every 24h, due since 2026-05-03T12:00:00Z) since=0 due=24 wake=24"},
		"one may take so long":                   {Standing{Manifest: slow, Instance: shop(timing(-48, -24)), Live: []*state.Build{live(state.Running, -24)}}, "waits: build shop-000009 is under way since=-48 due=-24 wake=8"},
		"one hangs in the queue":                 {Standing{Manifest: daily, Instance: shop(timing(-48, -24)), Live: []*state.Build{live(state.Queued, -25)}}, "build (periodic: every 24h, due since 2026-05-03T12:00:00Z) since=0 due=24 wake=24"},
		"an AppServer by hand":                   {Standing{Manifest: daily, Instance: shop(timing(-20, 4)), Hand: hours(-2)}, "since=-2 due=22 wake=22"},
		"an AppServer by hand, just before":      {Standing{Manifest: daily, Instance: shop(timing(-24, 0)), Hand: hours(-2)}, "since=-2 due=22 wake=22"},
		"an AppServer by hand, long ago":         {Standing{Manifest: daily, Instance: shop(timing(-20, 4)), Hand: hours(-21)}, "since=-20 due=4 wake=4"},
		"an AppServer by hand, then an outage":   {Standing{Manifest: daily, Instance: shop(timing(-40, -16)), Hand: hours(-30)}, "build (periodic: every 24h, due since 2026-05-04T06:00:00Z) since=0 due=24 wake=24"},
		"an AppServer by hand, of another clock": {Standing{Manifest: daily, Instance: shop(timing(-20, 4)), Hand: hours(100)}, "since=-20 due=4 wake=4"},
		"the clock was put back":                 {Standing{Manifest: daily, Instance: shop(timing(1, 25))}, "since=0 due=24 wake=24"},
		"the clock was put back by years":        {Standing{Manifest: daily, Instance: shop(timing(50000, 50024))}, "since=0 due=24 wake=24"},
		"the clock was put back a little":        {Standing{Manifest: daily, Instance: shop(timing(0.01, 24.01))}, "since=0.01 due=24.01 wake=24.01"},
		"now every 6 hours":                      {Standing{Manifest: every(6 * hour), Instance: shop(timing(-5, 19))}, "since=-5 due=1 wake=1"},
		"now every 4 hours":                      {Standing{Manifest: every(4 * hour), Instance: shop(timing(-5, 19))}, "build (periodic: every 4h, due since 2026-05-04T11:00:00Z) since=0 due=4 wake=4"},
		"now by cron":                            {Standing{Manifest: cron("30 14 * * *", "", 0), Instance: shop(timing(-30, -6))}, "since=-30 due=2.50 wake=2.50"},
		"could not be spawned":                   {Standing{Manifest: retried, Instance: started7(timing(-2, 22), 0), Last: ended(state.Errored)}, "build (periodic: try 2 of 3 after build shop-000007: no quota) since=-2 due=22 tries=1 wake=22"},
		"could not be provisioned again":         {Standing{Manifest: retried, Instance: started7(timing(-2, 22), 1), Last: ended(state.Failed)}, "build (periodic: try 3 of 3 after build shop-000007: no quota) since=-2 due=22 tries=2 wake=22"},
		"could not be spawned at all":            {Standing{Manifest: retried, Instance: started7(timing(-2, 22), 2), Last: ended(state.Errored)}, "since=-2 due=22 tries=2 wake=22"},
		"nobody wants retries":                   {Standing{Manifest: daily, Instance: started7(timing(-2, 22), 0), Last: ended(state.Errored)}, "since=-2 due=22 wake=22"},
		"it was cancelled":                       {Standing{Manifest: retried, Instance: started7(timing(-2, 22), 0), Last: ended(state.Cancelled)}, "since=-2 due=22 wake=22"},
		"it succeeded":                           {Standing{Manifest: retried, Instance: started7(timing(-2, 22), 0), Last: ended(state.Succeeded)}, "since=-2 due=22 wake=22"},
		"its tests failed":                       {Standing{Manifest: retried, Instance: started7(timing(-2, 22), 0), Last: &state.Build{Number: 7, State: state.Failed, EndedAt: hours(-1)}}, "since=-2 due=22 wake=22"},
		"another build failed since":             {Standing{Manifest: retried, Instance: shop(timing(-2, 22)), Last: ended(state.Errored)}, "since=-2 due=22 wake=22"},
		"the retry must wait":                    {Standing{Manifest: retried, Instance: started7(timing(-2, 22), 0), Last: ended(state.Errored), Live: []*state.Build{live(state.Running, -1)}}, "waits: build shop-000009 is under way since=-2 due=22 wake=23"},
		"the next is due before the retry":       {Standing{Manifest: retried, Instance: started7(timing(-24, -0.99), 1), Last: ended(state.Errored)}, "build (periodic: every 24h, due since 2026-05-04T11:00:36Z) since=0 due=24 wake=24"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := showTick(Periodic(c.standing, newTimetable(), noon())); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRetriesBackOff(t *testing.T) {
	m := every(24 * hour)
	m.Periodic.Retries = 100
	for tries, want := range map[int]time.Duration{0: time.Minute, 1: 2 * time.Minute, 5: 32 * time.Minute, 6: hour, 60: hour} {
		i := started7(timing(-2, 22), tries)
		at, ok := Standing{Manifest: m, Instance: i, Last: ended(state.Errored)}.retryAt(m.Periodic, *i.Timing)
		if got := at.Sub(hours(-1)); !ok || got != want {
			t.Errorf("after %d tries it waits %s, %t", tries, got, ok)
		}
	}
	m.Periodic.Interval = 20 * time.Second
	if at, _ := (Standing{Manifest: m, Instance: started7(timing(-2, 22), 1), Last: ended(state.Errored)}).retryAt(m.Periodic, *timing7(1)); at.Sub(hours(-1)) != 4*time.Second {
		t.Errorf("every 20 s the second retry comes at %s", at)
	}
}

func TestPeriodicByCron(t *testing.T) {
	nightly := cron("30 4 * * *", "Europe/Berlin", 0)
	spec := Spec(nightly.Periodic)
	decide := func(m *manifests.Manifest, t *state.Timing) string {
		return showTick(Periodic(Standing{Manifest: m, Instance: state.Instance{Name: "shop", Timing: t}}, newTimetable(), noon()))
	}
	at := func(since, due float64) *state.Timing {
		return &state.Timing{Spec: spec, Since: hours(since), Due: hours(due)}
	}
	for name, c := range map[string]struct {
		timing *state.Timing
		want   string
	}{
		"new":                                 {nil, "since=0 due=14.50 wake=14.50"},
		"not yet":                             {at(-9.5, 14.5), "since=-9.50 due=14.50 wake=14.50"},
		"now":                                 {at(-24, 0), "build (periodic: at 30 4 * * * Europe/Berlin) since=0 due=14.50 wake=14.50"},
		"missed for days":                     {at(-105.5, -81.5), "build (periodic: at 30 4 * * * Europe/Berlin, due since 2026-05-01T02:30:00Z) since=0 due=14.50 wake=14.50"},
		"the clock was put back over it":      {at(14.5, 38.5), "since=14.50 due=38.50 wake=38.50"},
		"the clock was wrong by years":        {at(50000, 50020), "since=0 due=14.50 wake=14.50"},
		"this machine lacks the zone's times": {&state.Timing{Spec: spec, Since: hours(-1)}, "since=-1 due=-17737932 wake=24"},
	} {
		t.Run(name, func(t *testing.T) {
			got := decide(nightly, c.timing)
			if strings.HasPrefix(name, "this machine") {
				got = got[:strings.Index(got, "due=")] + "due=-17737932" + got[strings.Index(got, " wake"):]
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if got := decide(cron("0 */2 * * *", "", 0), at(-1, 14.5)); got != "since=-1 due=2 wake=2" {
		t.Errorf("another cron: %s", got)
	}
}

// A place is given up and taken as often as need be: no second ever has more
// than its share.
func TestTimetable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := newTimetable()
		const interval = 10 * time.Second
		size := map[string]bool{}
		name := rapid.StringMatching("[a-z]")
		t.Repeat(map[string]func(*rapid.T){
			"place": func(t *rapid.T) {
				n, from := name.Draw(t, "name"), noon().Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "from"))*time.Second)
				if at := table.place(n, interval, from); at.Before(from) || at.Sub(from) > 10*time.Second+time.Second {
					t.Fatalf("%s from %s is placed at %s", n, from, at)
				}
				size[n] = true
			},
			"drop": func(t *rapid.T) { n := name.Draw(t, "name"); table.drop(n); delete(size, n) },
			"": func(t *rapid.T) {
				counted := map[int64]int{}
				for _, s := range table.starts {
					counted[s.at.Unix()]++
				}
				for second, n := range counted {
					if g := table.groups[interval]; g.taken[second] != n || n > 3 { // 26 names
						t.Fatalf("second %d has %d, and is said to have %d", second, n, g.taken[second])
					}
				}
				if g := table.groups[interval]; len(size) != len(table.starts) || g != nil && g.size != len(size) {
					t.Fatalf("%d are placed of %d", len(table.starts), len(size))
				}
			},
		})
	})
}
