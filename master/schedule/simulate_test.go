package schedule

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

// world is a whole installation in small: remotes that people commit to, a
// poller that is late, builds that are lost, fail and report or do not, and one
// instance about which Decide decides.
type world struct {
	now       time.Time
	rev       int64 // of the store
	commits   int
	truth     map[string]string     // what the remotes have, by name
	refs      map[string]*state.Ref // what was observed of them
	read      map[string]string     // read from a remote, not stored yet
	manifest  *manifests.Manifest
	instance  state.Instance
	report    *state.Report
	builds    []*simulated    // by number
	skip      map[string]bool // revisions whose commit is to be skipped
	known     map[string]bool // revisions of which is known whether they are
	requested int             // builds because of changes
	observed  int             // movements that the poller stored
}

type simulated struct {
	state.Build
	fetched map[string]string // what it was built from, by name
}

// The source, a watch of the manifest, and what only a build finds out.
func names() []string { return []string{"source", "listed", "auto1", "auto2"} }

func newWorld() *world {
	w := &world{
		now: at(0), truth: map[string]string{}, skip: map[string]bool{}, known: map[string]bool{}, refs: map[string]*state.Ref{}, read: map[string]string{},
		manifest: &manifests.Manifest{
			Instance: "shop", TreeStableTimer: 10 * time.Second, AutoWatch: manifests.AutoWatch{On: true},
			Source:  &manifests.Source{VCS: "git", URL: watch("source").URL, Branch: "main"},
			Watches: []manifests.Watch{{VCS: "git", URL: watch("listed").URL, Ref: "refs/heads/main"}},
		},
		instance: state.Instance{Name: "shop"},
	}
	for _, n := range names() {
		w.commit(n)
	}
	// Of what no build reports, only the poller knows where it was.
	w.read["listed"] = w.truth["listed"]
	w.store("listed")
	w.decide()
	return w
}

func (w *world) commit(name string) {
	w.commits++
	w.truth[name] = fmt.Sprintf("r%d", w.commits)
}

// store is what the poller does with what it read, however long ago.
func (w *world) store(name string) {
	revision, ok := w.read[name]
	if !ok {
		return
	}
	delete(w.read, name)
	old := w.refs[name]
	if old != nil && old.Revision == revision {
		return
	}
	w.rev++
	w.refs[name] = &state.Ref{Meta: state.Meta{Rev: w.rev}, Revision: revision, MovedAt: w.now}
	if old != nil {
		w.refs[name].Previous, w.refs[name].Moved = old.Revision, true
		w.observed++
	}
}

func (w *world) watches() (all []Observed) {
	for _, x := range watchlist.Merge(w.manifest, w.report) {
		for _, n := range names() {
			if x.Key() == watch(n).Key() {
				all = append(all, Observed{x, w.refs[n]})
			}
		}
	}
	return all
}

// decide does what the room does with a verdict.
func (w *world) decide() Verdict {
	s := Situation{Manifest: w.manifest, Instance: w.instance, Watches: w.watches(), Changed: w.changed}
	if n := len(w.builds); n > 0 {
		s.Waiting = w.builds[n-1].State == state.Queued
	}
	for _, b := range w.builds {
		if b.State != state.Queued {
			s.Covered = max(s.Covered, b.FactsAt)
		}
	}
	v := Decide(s, w.now)
	if v.Build == nil && !v.remembers(w.instance) {
		return v
	}
	w.rev++
	w.instance.Seen = v.Seen
	if v.Build != nil {
		w.requested++
		w.start(*v.Build)
	}
	return v
}

// changed is what was found out by now; what is asked is answered some time.
func (w *world) changed(m Movement) (Diff, bool) {
	if w.skip[m.New] {
		return Diff{Message: "[skip ci]"}, w.known[m.New]
	}
	return Diff{Message: "work"}, w.known[m.New]
}

func (w *world) answer() {
	for n := range w.commits {
		w.known[fmt.Sprintf("r%d", n+1)] = true
	}
}

func (w *world) start(why state.Reason) {
	w.rev++
	w.builds = append(w.builds, &simulated{Build: *newBuild(&w.instance, w.manifest, Request{}, why, w.now)})
}

// assign hands out one of the queue: by its priority that may be any.
func (w *world) assign(b *simulated) {
	if b.State != state.Queued {
		return
	}
	revision := ""
	if ref := w.refs["source"]; ref != nil {
		revision = ref.Revision
	}
	w.advance(b.Assign("agent", watch("source").URL, revision, b.Vouches(w.rev, w.all())))(b)
}

func (w *world) all() iter.Seq[*state.Build] {
	return func(yield func(*state.Build) bool) {
		for _, b := range w.builds {
			if !yield(&b.Build) {
				return
			}
		}
	}
}

// fetch takes the source as it was assigned, or the newest where nothing was
// known, and the newest of everything else.
func (w *world) fetch(b *simulated) {
	b.fetched = map[string]string{}
	for _, n := range names() {
		b.fetched[n] = w.truth[n]
	}
	if r := b.Revisions[watch("source").URL]; r != "" {
		b.fetched["source"] = r
	}
}

// tell uploads what the build used: as dispatch does, the newest build counts.
func (w *world) tell(b *simulated) {
	if b.fetched == nil || w.report != nil && w.report.Number > b.Number {
		return
	}
	w.report = &state.Report{Instance: "shop", Build: b.ID, Number: b.Number}
	for _, n := range []string{"source", "auto1", "auto2"} {
		x := watch(n)
		w.report.Watches = append(w.report.Watches, state.Reported{VCS: x.VCS, URL: x.URL, Ref: x.Ref, Revision: b.fetched[n], FactsAt: b.FactsAt})
	}
	w.rev++
}

// advance keeps a move that was allowed.
func (w *world) advance(next state.Build, err error) func(*simulated) {
	return func(b *simulated) {
		if err == nil {
			b.Build = next
			w.rev++
		}
	}
}

func (w *world) end(b *simulated, to state.BuildState) {
	if b.State != state.Queued {
		w.advance(b.End(to, "", w.now))(b)
	}
}

func (w *world) lose(b *simulated) {
	before := b.Attempt
	if w.advance(b.Lose("gone", w.now))(b); b.Attempt > before {
		b.fetched = nil
	}
}

// quiet lets everything come to rest: all is polled, all timers end, all
// builds are carried out. It says whether that ever ends.
func (w *world) quiet() bool {
	for _, n := range names() {
		if w.skip[w.truth[n]] {
			w.commit(n) // what is to be skipped need not be built
		}
	}
	for range 20 {
		w.answer()
		for _, n := range names() {
			w.store(n) // what was read long ago arrives late
			w.read[n] = w.truth[n]
			w.store(n)
		}
		w.now = w.now.Add(time.Minute)
		w.decide()
		busy := false
		for _, b := range w.builds {
			if b.State.Final() {
				continue
			}
			busy = true
			w.assign(b)
			if b.fetched == nil {
				w.fetch(b)
			}
			w.tell(b)
			w.decide()
			w.end(b, state.Succeeded)
		}
		if !busy {
			return true
		}
	}
	return false
}

// No change is lost, whatever comes late, fails or is lost, and nothing is
// built again and again: in the end the newest build was made from the newest
// revision of everything, and no change led to more than one build.
func TestNoChangeIsLost(t *testing.T) {
	for range 30 { // what it takes to find an error that was put in for a trial
		rapid.Check(t, simulate)
	}
}

func simulate(t *rapid.T) {
	w := newWorld()
	name := rapid.SampledFrom(names())
	some := func(t *rapid.T) *simulated {
		if len(w.builds) == 0 {
			return &simulated{Build: state.Build{State: state.Cancelled}} // no move is allowed
		}
		newest := w.builds[max(0, len(w.builds)-3):]
		return rapid.SampledFrom(newest).Draw(t, "build")
	}
	t.Repeat(map[string]func(*rapid.T){
		"commit": func(t *rapid.T) { w.commit(name.Draw(t, "repository")) },
		"commit to be skipped": func(t *rapid.T) {
			n := name.Draw(t, "repository")
			w.commit(n)
			w.skip[w.truth[n]] = true
		},
		"answer": func(*rapid.T) { w.answer() },
		"read": func(t *rapid.T) {
			if n := name.Draw(t, "repository"); w.read[n] == "" {
				w.read[n] = w.truth[n]
			}
		},
		"store": func(t *rapid.T) { w.store(name.Draw(t, "repository")) },
		"wait": func(t *rapid.T) {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second)
		},
		"decide": func(t *rapid.T) { w.decide() },
		"person": func(t *rapid.T) { w.start(state.Reason{Kind: "person"}) },
		"assign": func(t *rapid.T) { w.assign(some(t)) },
		"fetch": func(t *rapid.T) {
			if b := some(t); b.State == state.Assigned && b.fetched == nil {
				w.fetch(b)
			}
		},
		"report": func(t *rapid.T) {
			if b := some(t); b.State == state.Assigned {
				w.tell(b)
			}
		},
		"succeed": func(t *rapid.T) {
			if b := some(t); b.fetched != nil {
				w.tell(b)
				w.end(b, state.Succeeded)
			}
		},
		"fail": func(t *rapid.T) { // also before it has fetched
			b := some(t)
			w.tell(b)
			w.end(b, state.Failed)
		},
		"lose": func(t *rapid.T) { w.lose(some(t)) },
		"": func(t *rapid.T) {
			if w.requested > w.observed+len(names()) { // each may have moved before it was discovered
				t.Fatalf("%d builds because of %d changes", w.requested, w.observed)
			}
		},
	})
	if !w.quiet() {
		t.Fatalf("it never comes to rest: %d builds", len(w.builds))
	}
	w.checkNewest(t)
	if v := w.decide(); v.Build != nil || len(v.Join) > 0 {
		t.Fatalf("at rest it decides %s", show(v))
	}
}

// A build that is lost and tried again after a newer one has begun takes in what
// came since, and reports it; that is built again none the less.
func TestOvertakenAttempt(t *testing.T) {
	for _, reports := range []bool{false, true} {
		w := newWorld()
		for range 2 {
			w.start(state.Reason{Kind: "person"})
			newest := w.builds[len(w.builds)-1]
			w.assign(newest)
			w.fetch(newest)
		}
		overtaken := w.builds[0]
		w.lose(overtaken)
		for _, n := range names() {
			w.commit(n)
			w.read[n] = w.truth[n]
			w.store(n)
		}
		w.assign(overtaken)
		if w.fetch(overtaken); reports {
			w.tell(overtaken)
			w.decide()
		}
		if !w.quiet() {
			t.Fatal("it never comes to rest")
		}
		w.checkNewest(t)
	}
}

func (w *world) checkNewest(t rapid.TB) {
	if len(w.builds) == 0 {
		if w.observed > 0 && slices.ContainsFunc([]string{"source", "listed"}, func(n string) bool {
			return w.refs[n].Rev > 4 && w.instance.Seen[watch(n).Key()].Revision != w.truth[n]
		}) {
			t.Fatal("what moved was never built")
		}
		return
	}
	newest := w.builds[len(w.builds)-1]
	if newest.fetched == nil { // lost too often, or no remote to be had: it was attempted, a person sees it
		return
	}
	for _, n := range names() {
		if newest.fetched[n] != w.truth[n] {
			t.Fatalf("the newest build %s (%s, attempt %d) has %s at %s, which is at %s", newest.ID, newest.State, newest.Attempt, n, newest.fetched[n], w.truth[n])
		}
	}
}
