package poll

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/master/watchlist"
)

func exact() float64 { return 1 }

func at(d time.Duration) time.Time { return time.Unix(1000, 0).Add(d) }

func keys(prefix string, n int) (all []watchlist.RemoteKey) {
	for i := range n {
		all = append(all, watchlist.RemoteKey(fmt.Sprintf("%s%03d", prefix, i)))
	}
	return all
}

func TestAgendaAsksWhenDue(t *testing.T) {
	a := newAgenda(time.Minute, 2, exact)
	a.add("x", at(0))
	a.add("y", at(30*time.Second))
	if got := a.start(at(0)); !slices.Equal(got, []watchlist.RemoteKey{"x"}) {
		t.Fatalf("at 0: %v, want x", got)
	}
	a.done("x", at(time.Second), false)
	if next, _ := a.next(); !next.Equal(at(30 * time.Second)) {
		t.Errorf("next at %v, want when y is due", next)
	}
	if got := a.start(at(61 * time.Second)); !slices.Equal(got, []watchlist.RemoteKey{"y", "x"}) {
		t.Errorf("a minute later: %v, want y and x", got)
	}
}

func TestAgendaBacksOff(t *testing.T) {
	a := newAgenda(time.Minute, 1, exact)
	a.add("x", at(0))
	now := at(0)
	for _, want := range []time.Duration{2, 4, 8, 8, 8} {
		a.start(now)
		a.done("x", now, true)
		next, _ := a.next()
		if got := next.Sub(now); got != want*time.Minute {
			t.Errorf("after a failure: %v, want %v", got, want*time.Minute)
		}
		now = next
	}
	a.start(now)
	a.done("x", now, false)
	if next, _ := a.next(); next.Sub(now) != time.Minute {
		t.Errorf("after a success: %v, want a minute", next.Sub(now))
	}
}

func TestAgendaUrge(t *testing.T) {
	a := newAgenda(time.Minute, 1, exact)
	for i, k := range keys("k", 5) {
		a.add(k, at(time.Duration(i)))
	}
	if got := a.start(at(5)); len(got) != 1 {
		t.Fatalf("started %v in one place", got)
	}
	a.urge("k003")
	a.urge("new")
	a.urge("k000") // under way: once more afterwards
	order := []watchlist.RemoteKey{"k000"}
	for range 6 {
		a.done(order[len(order)-1], at(5), false)
		order = append(order, a.start(at(5))...)
	}
	want := []watchlist.RemoteKey{"k000", "k003", "new", "k000", "k001", "k002", "k004"}
	if !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

func TestHangingRemotesGiveTheirPlacesBack(t *testing.T) {
	a := newAgenda(time.Minute, 4, exact)
	for _, k := range keys("hang", 10) {
		a.add(k, at(0))
	}
	a.add("good", at(time.Millisecond))
	now, rounds := at(time.Millisecond), 0
	for !slices.Contains(a.start(now), "good") {
		if rounds++; rounds > 3 {
			t.Fatal("the good remote was never asked")
		}
		now, _ = a.next()
	}
	if waited := now.Sub(at(0)); waited > 3*patience {
		t.Errorf("the good remote waited %v", waited)
	}
	for _, k := range keys("hang", 10) {
		a.done(k, at(30*time.Second), true)
		a.urge(k)
	}
	a.done("good", at(30*time.Second), false)
	a.add("fresh", at(30*time.Second))
	if got := a.start(at(30 * time.Second)); len(got) != 11 {
		t.Errorf("remotes known to hang still take places: %d of 11 asked", len(got))
	}
}

func TestPatienceCountsFromTheRequest(t *testing.T) {
	a := newAgenda(time.Minute, 2, exact)
	for i, k := range []watchlist.RemoteKey{"hang", "busy", "last"} {
		a.add(k, at(time.Duration(i)))
	}
	a.start(at(3))
	a.done("busy", at(3), false)
	a.urge("busy")
	if got := a.start(at(patience - 1)); !slices.Equal(got, []watchlist.RemoteKey{"busy"}) {
		t.Fatalf("asked %v, want busy again", got)
	}
	if got := a.start(at(patience + 3)); !slices.Equal(got, []watchlist.RemoteKey{"last"}) || a.slow != 1 {
		t.Errorf("asked %v with %d slow, want last and only hang slow", got, a.slow)
	}
}

// TestAgendaProperties: whatever happens, no remote is asked twice at once,
// places are kept to, nobody is forgotten, and next never stands still.
func TestAgendaProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newAgenda(time.Minute, 3, func() float64 { return rapid.Float64Range(0.9, 1.1).Draw(t, "jitter") })
		now := at(0)
		began := map[watchlist.RemoteKey]time.Time{}
		some := rapid.SampledFrom(keys("k", 12))
		step := func() {
			for _, k := range a.start(now) {
				if _, twice := began[k]; twice {
					t.Fatalf("%s is asked twice at once", k)
				}
				began[k] = now
			}
			if a.fast > 3 || a.fast+a.slow != len(began) {
				t.Fatalf("%d fast, %d slow, %d asked", a.fast, a.slow, len(began))
			}
			if again := a.start(now); len(again) != 0 {
				t.Fatalf("start is not done at once: %v", again)
			}
			if next, ok := a.next(); ok && !next.After(now) {
				t.Fatalf("next is %v ago", now.Sub(next))
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add":  func(t *rapid.T) { a.add(some.Draw(t, "key"), now.Add(time.Second)); step() },
			"urge": func(t *rapid.T) { a.urge(some.Draw(t, "key")); step() },
			"drop": func(t *rapid.T) { a.drop(some.Draw(t, "key")); step() },
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 90000).Draw(t, "ms")) * time.Millisecond)
				step()
			},
			"done": func(t *rapid.T) {
				k := some.Draw(t, "key")
				delete(began, k)
				a.done(k, now, rapid.Bool().Draw(t, "failed"))
				step()
			},
		})
		for k := range began { // all come back: everybody is asked in the end
			a.done(k, now, false)
			delete(began, k)
		}
		missing := map[watchlist.RemoteKey]bool{}
		for k := range a.items {
			missing[k] = true
		}
		for range 1000 {
			for _, k := range a.start(now) {
				delete(missing, k)
				a.done(k, now, false)
			}
			if len(missing) == 0 {
				return
			}
			now, _ = a.next()
		}
		t.Fatalf("never asked: %v", missing)
	})
}
