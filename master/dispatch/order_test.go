package dispatch_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// Many builds of one instance report at once, again and again: what counts in
// the end is what the newest one said.
func TestTheNewestBuildsReportWins(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	const n = 8
	a := h.connect("one", n)
	works := make([]*agentv1.Work, n)
	for i := range works {
		works[i] = a.begin(int64(i + 1))
	}
	var all sync.WaitGroup
	for range 5 {
		for i, w := range works {
			all.Go(func() {
				v, err := h.api().ReportWatches(t.Context(), &agentv1.WatchReport{
					Build: w.GetBuild(), Attempt: 1, Agent: "one", Complete: true, File: list(fmt.Sprintf("of%d", i+1)),
				})
				if err != nil || !v.GetAccepted() {
					t.Errorf("report of build %d: %v, %v", i+1, v, err)
				}
			})
		}
	}
	all.Wait()
	if r := h.reported(); r.Number != n || len(r.Final) != 1 || r.Final[0].URL != "https://h.test/of8.git" {
		t.Errorf("what counts is of build %d and lists %v", r.Number, r.Final)
	}
	for i, w := range slices.Backward(works) {
		a.tell(word(w, 1, succeeded))
		if r := h.reported(); i == n-1 && (len(r.Watches) != 1 || r.Final != nil) {
			t.Errorf("after the newest build's success: %v", r.Watches)
		}
	}
	h.watched("of8")
}

// A report that was sent first may come last: it takes nothing back.
func TestAReportOfTheFetchThatWasOvertaken(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 1)
	w := a.begin(1)
	a.accepted(w, true, "a")
	a.accepted(w, false, "a", "b")
	h.watched("a", "b")
	a.tell(word(w, 1, succeeded))
	h.watched("a")
}

func TestReportsOfAnOlderAttempt(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 2)
	first := a.begin(1)
	a.accepted(first, true, "a")
	h.change(func(f *state.Facts) state.Write {
		lost, err := f.Builds[first.GetBuild()].Lose("its host is gone", time.Now().UTC())
		if err != nil {
			t.Fatal(err)
		}
		return lost.Put()
	})
	second := take(a, a.works)
	if v := a.report(first, true, list("x")); v.GetAccepted() || !strings.Contains(v.GetReason(), "another attempt") {
		t.Errorf("an older attempt reports: %v", v)
	}
	if v := a.report(first, true, []byte("bogus")); v.GetAccepted() {
		t.Errorf("an older attempt reports: %v", v)
	}
	h.refused("")
	h.watched("a")
	a.tell(word(second, 1, succeeded)) // without a report: the list of the first attempt proves nothing
	h.watched("a")
	if r := h.reported(); r.Final == nil {
		t.Error("the list of an attempt that was lost counts as that of a success")
	}
}

func TestReportsTellWhereAndSinceWhen(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 9)
	from := func(place string, names ...string) []byte {
		return []byte(strings.ReplaceAll(string(list(names...)), "branch =", "from = \""+place+"\"\nbranch ="))
	}
	is := func(want ...string) {
		t.Helper()
		var got []string
		for _, w := range h.reported().Watches {
			got = append(got, fmt.Sprintf("%s %s %d", strings.TrimPrefix(w.URL, "https://h.test/"), w.From, w.Since))
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	say := func(w *agentv1.Work, file []byte, end agentv1.State) {
		t.Helper()
		for _, complete := range []bool{false, true} {
			if v := a.report(w, complete, file); !v.GetAccepted() {
				t.Fatal(v.GetReason())
			}
		}
		a.tell(word(w, 1, end))
	}
	say(a.begin(1), from("go.mod:3", "a", "b"), succeeded)
	is("a.git go.mod:3 1", "b.git go.mod:3 1")
	say(a.begin(2), from("go.mod:4", "b", "c"), failed)
	is("a.git go.mod:3 1", "b.git go.mod:4 1", "c.git go.mod:4 2")
	say(a.begin(3), from("go.mod:5", "a", "c"), succeeded)
	is("a.git go.mod:5 1", "c.git go.mod:5 2")
	say(a.begin(4), from("go.mod:5", "a", "b", "c"), succeeded)
	is("a.git go.mod:5 1", "b.git go.mod:5 4", "c.git go.mod:5 2")
}

// What a build sent is kept with it, byte for byte, whether or not a newer one
// has reported meanwhile.
func TestReportsAreKeptWithTheirBuild(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", sourced)
	a := h.connect("one", 2)
	one, two := a.begin(1), a.begin(2)
	a.accepted(two, false, "c")
	early, late := []byte("# at first\n[[watch]]\ngit = 'git@H.test:a'\n"), []byte("# in the end\n")
	a.report(one, false, early)
	a.report(one, true, late)
	a.report(one, true, []byte("bogus"))
	for name, want := range map[string][]byte{watchlist.FetchedFile: early, watchlist.CompleteFile: late} {
		if got, err := h.output.Attached("shop", one.GetBuild(), name); err != nil || string(got) != string(want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// An empty list is kept where it says that what was listed is not used any more,
// and nowhere else: most builds depend on nothing besides their source.
func TestEmptyReportsAreKeptOnce(t *testing.T) {
	for _, before := range []string{"", "[[watch]]\ngit = 'git@H.test:a'\n"} {
		h := open(t, time.Minute)
		h.manifest("shop", sourced)
		a := h.connect("one", 1)
		one := a.begin(1)
		a.report(one, false, []byte(before))
		a.report(one, true, nil)
		_, err := h.output.Attached("shop", one.GetBuild(), watchlist.CompleteFile)
		if kept := err == nil; kept != (before != "") {
			t.Errorf("after %q: kept %t, %v", before, kept, err)
		}
	}
}
