package dispatch_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

const sourced = "[source]\ngit = \"https://h.test/shop.git\"\nbranch = \"main\"\n" + plain

// list writes a watch file over repositories of these names.
func list(names ...string) []byte {
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "[[watch]]\ngit = \"https://h.test/%s.git\"\nbranch = \"main\"\nrevision = \"%s\"\n", n, strings.Repeat("a", 40))
	}
	return []byte(b.String())
}

// report uploads a watch file as the agent that has the work.
func (a *agent) report(w *agentv1.Work, complete bool, file []byte) *agentv1.WatchVerdict {
	a.h.Helper()
	v, err := a.h.api().ReportWatches(a.h.Context(), &agentv1.WatchReport{
		Build: w.GetBuild(), Attempt: w.GetAttempt(), Agent: a.name, Complete: complete, File: file,
	})
	if err != nil {
		a.h.Fatal(err)
	}
	return v
}

func (a *agent) accepted(w *agentv1.Work, complete bool, names ...string) {
	a.h.Helper()
	if v := a.report(w, complete, list(names...)); !v.GetAccepted() {
		a.h.Fatalf("a good list was refused: %s", v.GetReason())
	}
}

// watched waits until these and no others are in the instance's report.
func (h *house) watched(names ...string) {
	h.Helper()
	var now []string
	defer func() {
		if h.Failed() {
			h.Logf("reported: %v", now)
		}
	}()
	h.until(fmt.Sprintf("%v are watched", names), func(f *state.Facts) bool {
		now = nil
		if r := f.Reports["shop"]; r != nil {
			for _, w := range r.Watches {
				now = append(now, strings.TrimSuffix(strings.TrimPrefix(w.URL, "https://h.test/"), ".git"))
			}
		}
		slices.Sort(now)
		return slices.Equal(now, names)
	})
}

// refused waits until the instance shows a refusal of that build, or none.
func (h *house) refused(build string) (r *state.Refusal) {
	h.Helper()
	h.until("the refusal is of "+build, func(f *state.Facts) bool {
		if r = f.Refusals["shop"]; r == nil {
			return build == ""
		}
		return r.Build == build
	})
	return r
}

// begin queues build n of the shop and gives it to the agent.
func (a *agent) begin(n int64) *agentv1.Work {
	a.h.Helper()
	a.h.queue("shop", n)
	return take(a, a.works)
}

func TestReportAddsUntilTheBuildSucceeds(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 9)
	one := a.begin(1)
	a.accepted(one, false, "a", "b")
	h.watched("a", "b") // at once, while it builds
	a.accepted(one, true, "a", "b", "c")
	h.watched("a", "b", "c")
	a.tell(word(one, 1, succeeded))
	h.watched("a", "b", "c")

	two := a.begin(2)
	a.accepted(two, false, "b", "d")
	a.accepted(two, true, "b", "d")
	h.watched("a", "b", "c", "d")
	a.tell(word(two, 1, failed)) // a failed build takes nothing away
	h.watched("a", "b", "c", "d")

	three := a.begin(3)
	a.accepted(three, false, "b")
	a.tell(word(three, 1, succeeded)) // the steps' list never came: nothing is known to be gone
	h.watched("a", "b", "c", "d")

	four := a.begin(4)
	a.accepted(four, true, "b")
	a.accepted(four, true, "b") // said again
	h.watched("a", "b", "c", "d")
	a.tell(word(four, 1, succeeded))
	h.watched("b")

	five := a.begin(5)
	a.accepted(five, true)
	a.tell(word(five, 1, succeeded))
	h.watched()
}

func TestReportTellsWhatItsRevisionsAreAsNewAs(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 1)
	w := a.begin(1)
	a.accepted(w, false, "a")
	h.watched("a")
	b := h.build("shop-000001")
	h.store.Read(func(f *state.Facts) {
		if r := f.Reports["shop"]; r.Watches[0].FactsAt != b.FactsAt || b.FactsAt == 0 || r.Number != 1 || r.Watches[0].Revision != strings.Repeat("a", 40) {
			t.Errorf("report %+v of a build with facts of %d", r, b.FactsAt)
		}
	})
}

func TestReportOfAnOlderBuildIsIgnored(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 9)
	one, two, three := a.begin(1), a.begin(2), a.begin(3)
	a.accepted(two, false, "b")
	a.accepted(one, true, "a")
	a.tell(word(one, 1, succeeded)) // it ends later than it began, but knows less
	h.watched("b")

	if v := a.report(three, false, []byte("bogus")); v.GetAccepted() {
		t.Error("a bogus file was accepted")
	}
	h.refused(three.GetBuild())
	a.accepted(two, true, "b", "c")
	h.watched("b", "c")
	if h.refused(three.GetBuild()); h.Failed() {
		t.Error("an older build's good list hid that a newer one's was bogus")
	}
	a.accepted(three, false, "b", "d")
	h.refused("")
	if v := a.report(two, true, []byte("bogus")); v.GetAccepted() {
		t.Error("a bogus file was accepted")
	}
	h.refused("") // a newer build's was good
	h.watched("b", "c", "d")
}

func TestLocalPathsOfALocalSource(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", "[source]\ngit = \"/srv/shop.git\"\nbranch = \"main\"\n"+plain)
	a := h.connect("one", 1)
	w := a.begin(1)
	if v := a.report(w, false, []byte("[[watch]]\ngit = \"/srv/theme.git\"\nbranch = \"main\"\n")); !v.GetAccepted() {
		t.Errorf("refused: %s", v.GetReason())
	}
}

func TestReportsOfOthers(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a, other := h.connect("one", 1), h.dial("two")
	w := a.begin(1)
	ask := func(who string, build string, attempt int32) *agentv1.WatchVerdict {
		v, err := h.api().ReportWatches(t.Context(), &agentv1.WatchReport{Build: build, Attempt: attempt, Agent: who, File: list("x")})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, v := range map[string]*agentv1.WatchVerdict{
		"another agent":     ask(other.name, w.GetBuild(), 1),
		"no agent":          ask("", w.GetBuild(), 1),
		"a later attempt":   ask("one", w.GetBuild(), 2),
		"an unknown build":  ask("one", "shop-000099", 1),
		"no build":          ask("one", "", 1),
		"a path as a build": ask("one", "../x", 1),
	} {
		if v.GetAccepted() || v.GetReason() == "" {
			t.Errorf("%s: %v", name, v)
		}
	}
	a.tell(word(w, 1, succeeded))
	if v := ask("one", w.GetBuild(), 1); v.GetAccepted() {
		t.Error("a build that has ended reports")
	}
	h.store.Read(func(f *state.Facts) {
		if f.Reports["shop"] != nil || f.Refusals["shop"] != nil {
			t.Errorf("stored %+v, %+v", f.Reports["shop"], f.Refusals["shop"])
		}
	})
}

// Builds that always fail and always list something else must not fill the
// store. What the last good one listed stays, and a success ends it all.
func TestReportsDoNotGrowForEver(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 100)
	good := a.begin(1)
	a.accepted(good, true, "good")
	a.tell(word(good, 1, succeeded))
	size := func() (n int, good bool) {
		h.store.Read(func(f *state.Facts) {
			for _, w := range f.Reports["shop"].Watches {
				n++
				good = good || w.URL == "https://h.test/good.git"
			}
		})
		return n, good
	}
	for n := int64(2); n <= 8; n++ {
		w := a.begin(n)
		var file strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&file, "[[watch]]\ngit = \"https://h.test/r%d-%d\"\n", n, i)
		}
		if v := a.report(w, true, []byte(file.String())); !v.GetAccepted() {
			t.Fatalf("refused: %s", v.GetReason())
		}
		a.tell(word(w, 1, failed))
	}
	if n, good := size(); n > 20000 || !good {
		t.Errorf("%d are watched; the last good list among them: %v", n, good)
	}
	last := a.begin(9)
	a.accepted(last, true, "a")
	a.tell(word(last, 1, succeeded))
	h.watched("a")
}

// Each of these fits into a transaction of the store; all together do not.
func TestManyLargeReportsEndTogether(t *testing.T) {
	h := open(t, time.Minute)
	a := h.connect("one", 100)
	random := rand.NewChaCha8([32]byte{})
	var ends []*agentv1.Update
	for n := range 24 {
		var file bytes.Buffer
		for range 1600 { // which cannot be compressed
			var noise [48]byte
			_, _ = random.Read(noise[:])
			fmt.Fprintf(&file, "[[watch]]\ngit = \"https://h.test/%x\"\nrevision = \"%x\"\n", noise[:28], noise[28:])
		}
		instance := fmt.Sprintf("i%d", n)
		h.manifest(instance, sourced)
		h.queue(instance, 1)
		w := take(a, a.works)
		if v := a.report(w, true, file.Bytes()); !v.GetAccepted() {
			t.Fatalf("refused: %s", v.GetReason())
		}
		ends = append(ends, word(w, 1, succeeded))
	}
	a.update(ends...)
	for range ends {
		take(a, a.acks)
	}
	h.until("all have ended", func(f *state.Facts) bool { return len(f.Builds) == 0 })
}

// TestNothingToWatch: a build that finds nothing says so with its end, where nothing
// was known; that counts like a list, whatever older builds say when.
func TestNothingToWatch(t *testing.T) {
	h := open(t, 0)
	h.manifest("shop", sourced)
	a := h.connect("one", 2)
	h.queue("shop", 1)
	one := take(a, a.works)
	h.queue("shop", 2)
	two := take(a, a.works)
	if !one.GetUnwatched() || !two.GetUnwatched() {
		t.Fatalf("unwatched is %t and %t before anything was found", one.GetUnwatched(), two.GetUnwatched())
	}
	a.accepted(one, false, "theme")
	h.watched("theme")
	end := word(two, 1, succeeded)
	end.NoWatches = true
	a.tell(end)
	h.watched()
	a.accepted(one, true, "theme", "late")
	a.tell(word(one, 1, succeeded))
	h.until("both have ended", func(f *state.Facts) bool { return len(f.Builds) == 0 })
	h.watched()

	h.queue("shop", 3)
	three := take(a, a.works)
	a.accepted(three, true, "theme")
	a.tell(word(three, 1, succeeded))
	h.watched("theme")
	h.queue("shop", 4)
	if four := take(a, a.works); four.GetUnwatched() {
		t.Error("unwatched, while the theme is watched")
	}
}

// TestNothingToWatchAtFirst: where nothing was known and nothing was found there is
// no list, and an older build does not make one.
func TestNothingToWatchAtFirst(t *testing.T) {
	h := open(t, 0)
	h.manifest("shop", sourced)
	a := h.connect("one", 2)
	h.queue("shop", 1)
	one := take(a, a.works)
	h.queue("shop", 2)
	two := take(a, a.works)
	end := word(two, 1, succeeded)
	end.NoWatches = true
	a.tell(end)
	a.accepted(one, true, "theme")
	a.tell(word(one, 1, succeeded))
	h.until("both have ended", func(f *state.Facts) bool { return len(f.Builds) == 0 })
	h.watched()
}
