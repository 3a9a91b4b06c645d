package poll

import (
	"fmt"
	"slices"
	"strings"
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
	a := newAgenda(2, 100, exact)
	a.add("x", "h", at(0))
	a.add("y", "h", at(30*time.Second))
	if got := a.start(at(0)); !slices.Equal(got, []watchlist.RemoteKey{"x"}) {
		t.Fatalf("at 0: %v, want x", got)
	}
	a.done("x", at(time.Second), time.Minute, false)
	if next, _ := a.next(); !next.Equal(at(30 * time.Second)) {
		t.Errorf("next at %v, want when y is due", next)
	}
	if got := a.start(at(61 * time.Second)); !slices.Equal(got, []watchlist.RemoteKey{"y", "x"}) {
		t.Errorf("a minute later: %v, want y and x", got)
	}
}

// TestARestCountsFromTheQuestion: a slow answer does not delay the next one,
// but the remote gets half of its rest.
func TestARestCountsFromTheQuestion(t *testing.T) {
	for _, c := range []struct {
		name       string
		took, next time.Duration
		failed     bool
	}{
		{"a quick answer", 0, time.Minute, false},
		{"a slow answer", 20 * time.Second, time.Minute, false},
		{"a very slow answer", 50 * time.Second, 80 * time.Second, false},
		{"a failure", 20 * time.Second, 80 * time.Second, true},
	} {
		a := newAgenda(1, 100, exact)
		a.add("x", "h", at(0))
		a.start(at(0))
		a.done("x", at(c.took), time.Minute, c.failed)
		if next, _ := a.next(); !next.Equal(at(c.next)) {
			t.Errorf("%s: asked again after %v, want %v", c.name, next.Sub(at(0)), c.next)
		}
	}
}

func TestAgendaUrge(t *testing.T) {
	a := newAgenda(1, 100, exact)
	for i, k := range keys("k", 5) {
		a.add(k, "h", at(time.Duration(i)))
	}
	if got := a.start(at(5)); len(got) != 1 {
		t.Fatalf("started %v in one place", got)
	}
	a.urge("k003")
	a.urge("nobody")
	a.add("new", "h", at(5))
	a.urge("new")
	a.urge("k000") // under way: once more afterwards
	order := []watchlist.RemoteKey{"k000"}
	for range 6 {
		a.done(order[len(order)-1], at(5), time.Minute, false)
		order = append(order, a.start(at(5))...)
	}
	want := []watchlist.RemoteKey{"k000", "k003", "new", "k000", "k001", "k002", "k004"}
	if !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

func TestHangingRemotesGiveTheirPlacesBack(t *testing.T) {
	a := newAgenda(4, 100, exact)
	for _, k := range keys("hang", 10) {
		a.add(k, "h", at(0))
	}
	a.add("good", "h", at(time.Millisecond))
	now, rounds := at(time.Millisecond), 0
	for !slices.Contains(a.start(now), "good") {
		if rounds++; rounds > 3 {
			t.Fatal("the good remote was never asked")
		}
		now, _ = a.next()
	}
	if waited := now.Sub(at(0)); waited > 3*maxPatience {
		t.Errorf("the good remote waited %v", waited)
	}
	for _, k := range keys("hang", 10) {
		a.done(k, at(30*time.Second), time.Minute, true)
		a.urge(k)
	}
	a.done("good", at(30*time.Second), time.Minute, false)
	a.add("fresh", "h", at(30*time.Second))
	if got := a.start(at(30 * time.Second)); len(got) != 11 {
		t.Errorf("remotes known to hang still take places: %d of 11 asked", len(got))
	}
}

func TestPatienceCountsFromTheRequest(t *testing.T) {
	a := newAgenda(2, 100, exact)
	a.usual = maxPatience
	for i, k := range []watchlist.RemoteKey{"hang", "busy", "last"} {
		a.add(k, "h", at(time.Duration(i)))
	}
	a.start(at(3))
	a.done("busy", at(3), time.Minute, true)
	a.urge("busy")
	if got := a.start(at(maxPatience - 1)); !slices.Equal(got, []watchlist.RemoteKey{"busy"}) {
		t.Fatalf("asked %v, want busy again", got)
	}
	if got := a.start(at(maxPatience + 3)); !slices.Equal(got, []watchlist.RemoteKey{"last"}) || a.slow != 1 {
		t.Errorf("asked %v with %d slow, want last and only hang slow", got, a.slow)
	}
}

// TestOneHostHoldsNoOther: a host is asked as often at once as it may be, and
// the others meanwhile.
func TestOneHostHoldsNoOther(t *testing.T) {
	a := newAgenda(10, 3, exact)
	for i, k := range keys("big", 50) {
		a.add(k, "big", at(time.Duration(i)))
	}
	for i, k := range keys("small", 2) {
		a.add(k, "small", at(time.Second+time.Duration(i)))
	}
	a.add("disk1", "", at(0))
	got := a.start(at(2 * time.Second))
	want := []watchlist.RemoteKey{"disk1", "big000", "small000", "big001", "small001", "big002"}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("asked %v, want %v", got, want)
	}
	a.done("big001", at(2*time.Second), time.Minute, false)
	if got := a.start(at(2 * time.Second)); !slices.Equal(got, []watchlist.RemoteKey{"big003"}) {
		t.Errorf("then %v, want big003", got)
	}
	a.urge("big040")
	a.done("big000", at(2*time.Second), time.Minute, false)
	if got := a.start(at(2 * time.Second)); !slices.Equal(got, []watchlist.RemoteKey{"big040"}) {
		t.Errorf("then %v, want what is urgent", got)
	}
}

// TestManyHangOnOneHost: one remote in ten hangs, all on one host. Patience is
// measured in what the others take, so that a round goes on.
func TestManyHangOnOneHost(t *testing.T) {
	a := newAgenda(32, 8, exact)
	good := 0
	for i, k := range keys("k", 10000) {
		a.add(k, "h", at(time.Duration(i)))
	}
	now := at(time.Second)
	for good < 9000 {
		var back []watchlist.RemoteKey
		for _, k := range a.start(now) {
			if !strings.HasSuffix(string(k), "0") {
				back = append(back, k)
			}
		}
		if good += len(back); len(back) == 0 {
			now, _ = a.next()
			continue
		}
		now = now.Add(2 * time.Millisecond)
		for _, k := range back {
			a.done(k, now, time.Hour, false)
		}
	}
	if took := now.Sub(at(0)); took > 15*time.Second {
		t.Errorf("a round of 9,000 beside 1,000 that hang took %v", took)
	} else {
		t.Log(took)
	}
}

// TestAgendaProperties: whatever happens, no remote is asked twice at once,
// places are kept to, nobody is forgotten, and next never stands still.
func TestAgendaProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newAgenda(3, 2, func() float64 { return rapid.Float64Range(0.9, 1.1).Draw(t, "jitter") })
		now := at(0)
		began := map[watchlist.RemoteKey]time.Time{}
		some := rapid.SampledFrom(keys("k", 12))
		hostOf := rapid.SampledFrom([]string{"", "one", "two"})
		step := func() {
			for _, k := range a.start(now) {
				if _, twice := began[k]; twice {
					t.Fatalf("%s is asked twice at once", k)
				}
				began[k] = now
			}
			for name, h := range a.hosts {
				if name != "" && h.fast > 2 {
					t.Fatalf("%d places of %s", h.fast, name)
				}
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
			"add":  func(t *rapid.T) { a.add(some.Draw(t, "key"), hostOf.Draw(t, "host"), now.Add(time.Second)); step() },
			"urge": func(t *rapid.T) { a.urge(some.Draw(t, "key")); step() },
			"drop": func(t *rapid.T) { a.drop(some.Draw(t, "key")); step() },
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 90000).Draw(t, "ms")) * time.Millisecond)
				step()
			},
			"done": func(t *rapid.T) {
				k := some.Draw(t, "key")
				delete(began, k)
				a.done(k, now, time.Minute, rapid.Bool().Draw(t, "failed"))
				step()
			},
		})
		for k := range began { // all come back: everybody is asked in the end
			a.done(k, now, time.Minute, false)
			delete(began, k)
		}
		missing := map[watchlist.RemoteKey]bool{}
		for k := range a.items {
			missing[k] = true
		}
		for range 1000 {
			for _, k := range a.start(now) {
				delete(missing, k)
				a.done(k, now, time.Minute, false)
			}
			if len(missing) == 0 {
				return
			}
			now, _ = a.next()
		}
		t.Fatalf("never asked: %v", missing)
	})
}
