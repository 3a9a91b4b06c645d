package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// stage is where a story is lived through.
type stage struct {
	*testing.T
	story     story
	facts     *state.Facts
	s         *Scheduler // its table, alarms and index; it has no store
	begin     time.Time
	now       time.Time     // by a clock that nobody puts back
	ahead     time.Duration // of the clock on the wall
	down      bool
	busy      bool
	state     state.BuildState
	deploying bool
	takes     time.Duration
	reports   []string
	diffs     map[string]Diff      // by revision
	lengths   map[string]time.Time // when builds end
	unseen    map[string]string    // where repositories are, as the poller will find
	built     []*state.Build
	times     []time.Time
}

func (g *stage) wall() time.Time { return g.now.Add(g.ahead) }

func (g *stage) duration(s string) time.Duration {
	g.Helper()
	if days, rest, ok := strings.Cut(s, "d"); ok {
		var n int
		if _, err := fmt.Sscan(days, &n); err != nil {
			g.Fatal(err)
		}
		return time.Duration(n)*24*time.Hour + g.duration(cmp.Or(rest, "0s"))
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		g.Fatal(err)
	}
	return d
}

// said is the builds as a story wants them.
func (g *stage) said() string {
	var all []string
	begin := g.begin
	for i, b := range g.built {
		if g.story.since == "first" && i == 0 {
			begin = g.times[i]
		}
		words := []string{brief(g.times[i].Sub(begin).Round(time.Second))}
		if b.Instance != "shop" {
			words = append(words, b.Instance)
		}
		words = append(words, b.Reason.Kind)
		for _, c := range b.Reason.Changes {
			words = append(words, c.New)
		}
		if b.Revision != "" {
			words = append(words, b.Revision)
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, ", ")
}

// put makes writes as the store does.
func (g *stage) put(writes ...state.Write) {
	g.Helper()
	g.facts.Revision++
	for _, w := range writes {
		if w.Value == nil {
			g.facts.Delete(w.Key)
			continue
		}
		value, err := state.Encode(w.Value)
		if err == nil {
			err = g.facts.Put(w.Key, value, g.facts.Revision)
		}
		if err != nil {
			g.Fatal(err)
		}
	}
}

func (g *stage) force(instance, text string) {
	g.Helper()
	text = whole(text)
	if _, err := manifests.Parse(instance+".toml", []byte(text)); err != nil {
		g.Fatalf("%v in\n%s", err, text)
	}
	g.put((&state.InForce{Instance: instance, File: instance + ".toml", Text: []byte(text)}).Put())
}

// observe is what the poller finds. It sees nothing while the master is dead.
func (g *stage) observe(repo, revision string) {
	ref := &state.Ref{VCS: "git", URL: "https://h.test/" + repo + ".git", Ref: "refs/heads/main", Revision: revision, MovedAt: g.wall()}
	if old := g.facts.Refs[state.RefName(ref.Key())]; old != nil {
		ref.Previous, ref.Moved = old.Revision, true
	}
	g.put(ref.Put(ref.Key()))
}

// restart is a scheduler that knows nothing but the facts.
func (g *stage) restart() {
	g.s = &Scheduler{alarms: newAlarms(), table: newTimetable(), after: map[string]map[string]bool{}, follows: map[string][]string{}}
	for name, i := range g.facts.Instances {
		if m := manifestOf(g.facts, name); m != nil && m.Periodic != nil && i.Timing != nil && i.Timing.Due.After(g.wall()) {
			g.s.table.keep(name, m.Periodic.Interval, i.Timing.Due)
		}
	}
}

func (g *stage) happens(what string, args []string) {
	g.Helper()
	switch what {
	case "push", "skip", "force":
		g.moves(what, args)
	case "gone":
		g.observe("shop", "")
	case "start":
		g.person(strings.Join(args, ""))
	case "busy", "free":
		g.busy = what == "busy"
	case "well", "fails", "ails":
		g.state, g.deploying = state.Succeeded, what == "ails"
		if what != "well" {
			g.state = state.Failed
		}
	case "takes":
		g.takes = g.duration(args[0])
	case "down", "up":
		if g.down = what == "down"; g.down {
			return
		}
		g.restart()
		for repo, revision := range g.unseen {
			g.observe(repo, revision)
		}
		clear(g.unseen)
	case "archive", "unarchive":
		i := g.instance("shop")
		i.Archived = what == "archive"
		g.put(i.Put())
	case "clock":
		g.ahead += g.duration(args[0])
	case "manifest":
		g.replace(args)
	case "report":
		g.reports = append(g.reports, args...)
	default:
		g.Fatalf("nobody knows what %q is", what)
	}
}

func (g *stage) moves(what string, args []string) {
	repo := "shop"
	if args[0] == "theme" || args[0] == "lib" {
		repo, args = args[0], args[1:]
	}
	d := Diff{Message: "work", Paths: args[1:]}
	switch what {
	case "skip":
		d.Message = "work [skip ci]"
	case "force":
		d.Unknown = "it is gone"
	}
	g.diffs[args[0]] = d
	if g.down {
		g.unseen[repo] = args[0]
		return
	}
	g.observe(repo, args[0])
}

func (g *stage) person(revision string) {
	i, m := g.instance("shop"), g.facts.Manifests["shop"].Manifest
	b, err := (Request{Revision: revision}).build(&i, m)
	if err != nil {
		return // archived
	}
	b.QueuedAt = g.wall()
	g.requested(b)
	g.put(b.Put(), i.Put())
}

func (g *stage) replace(args []string) {
	instance, text := "shop", g.story.manifest
	if len(args) > 1 {
		instance, text, args = args[0], g.story.others[args[0]], args[1:]
	}
	n := 0
	_, _ = fmt.Sscan(args[0], &n)
	g.force(instance, strings.Split(text, "---\n")[n])
}

func (g *stage) instance(name string) state.Instance {
	if i := g.facts.Instances[name]; i != nil {
		return *i
	}
	return state.Instance{Name: name}
}

func (g *stage) requested(b *state.Build) {
	g.built, g.times = append(g.built, b), append(g.times, g.now)
}

// until lets time pass, from one thing that happens to the next.
func (g *stage) until(end time.Time) {
	g.settle()
	for {
		next := end
		if at, ok := g.s.alarms.next(); ok && !g.down {
			next = earlier(next, later(at.Add(-g.ahead), g.now.Add(time.Millisecond)))
		}
		for _, at := range g.lengths {
			if !g.down {
				next = earlier(next, later(at, g.now))
			}
		}
		g.now = next
		if !next.Before(end) {
			return
		}
		g.settle()
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// settle does all that can be done now.
func (g *stage) settle() {
	for range 20 {
		before := g.facts.Revision
		if !g.down {
			g.decide()
			g.assign()
			g.end()
		}
		if g.facts.Revision == before {
			return
		}
	}
	g.Fatalf("it never comes to rest at %s: %s", g.now, g.said())
}

// decide does what consider and considerTime do, for every instance.
func (g *stage) decide() {
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range g.facts.Manifests {
			if !yield(name) {
				return
			}
		}
	}) {
		g.consider(name)
		g.considerTime(name)
	}
}

func (g *stage) consider(name string) {
	situation, waiting := situationOf(g.facts, name)
	situation.Changed = func(m Movement) (Diff, bool) { d, ok := g.diffs[m.New]; return d, ok }
	v := Decide(situation, g.wall())
	g.s.alarms.set(alarmKey{name, changes}, v.Wake)
	if v.Build == nil && !v.remembers(situation.Instance) {
		return
	}
	i := situation.Instance
	i.Name, i.Seen, i.Followed = name, v.Seen, v.Followed
	if v.Build != nil {
		g.request(&i, situation.Manifest, *v.Build)
	}
	if v.Joined {
		for _, b := range waiting {
			b.Reason.Join(v.Join)
			g.put(b.Put())
			g.built[slices.IndexFunc(g.built, func(o *state.Build) bool { return o.ID == b.ID })].Reason = b.Reason
		}
	}
	g.put(i.Put())
}

func (g *stage) considerTime(name string) {
	standing := standingOf(g.facts, name)
	standing.Waiting = len(waitingOf(g.facts, name, standing.Instance.LastNumber)) > 0
	tick := Periodic(standing, g.s.table, g.wall())
	g.s.alarms.set(alarmKey{name, periods}, tick.Wake)
	if tick.Timing.Same(standing.Instance.Timing) && tick.Build == nil {
		return
	}
	i := standing.Instance
	i.Timing = tick.Timing
	if tick.Build != nil {
		g.request(&i, standing.Manifest, *tick.Build)
	}
	g.put(i.Put())
}

func (g *stage) request(i *state.Instance, m *manifests.Manifest, why state.Reason) {
	b := newBuild(i, m, Request{}, why, g.wall())
	g.requested(b)
	g.put(b.Put())
}

// assign hands builds out, and lets them find out what they depend on.
func (g *stage) assign() {
	if g.busy {
		return
	}
	for _, b := range slices.Clone(g.facts.Queue()) {
		next, err := b.Assign("agent", "", "", g.facts.Revision)
		if err != nil {
			g.Fatal(err)
		}
		next.State, next.StartedAt = state.Running, g.wall()
		g.lengths[b.ID] = g.now.Add(g.takes)
		writes := []state.Write{next.Put()}
		if m := g.facts.Manifests[b.Instance]; m != nil && m.Manifest.AppServer != nil && !g.deploying {
			a := &state.AppServer{ID: b.ID + ".1", Instance: b.Instance, Number: b.Number, State: state.Spawned, CreatedAt: g.wall()}
			writes = append(writes, a.Put())
		}
		g.put(append(writes, g.found(&next)...)...)
	}
}

// found is the report of a build.
func (g *stage) found(b *state.Build) []state.Write {
	if len(g.reports) == 0 || b.Instance != "shop" {
		return nil
	}
	r := &state.Report{Instance: "shop", Build: b.ID, Number: b.Number}
	for _, repo := range g.reports {
		w := state.Reported{VCS: "git", URL: "https://h.test/" + repo + ".git", Ref: "refs/heads/main", FactsAt: b.FactsAt}
		if ref := g.facts.Refs[state.RefName(w.Key())]; ref != nil {
			w.Revision = ref.Revision
		}
		r.Watches = append(r.Watches, w)
	}
	return []state.Write{r.Put()}
}

// end ends builds whose time is over, as dispatch does.
func (g *stage) end() {
	for id, at := range g.lengths {
		if at.After(g.now) {
			continue
		}
		delete(g.lengths, id)
		b := *g.facts.Builds[id]
		b.State, b.EndedAt, b.Deploying = g.state, at.Add(g.ahead), g.deploying
		last := state.Last{Instance: b.Instance}
		if old := g.facts.Lasts[b.Instance]; old != nil {
			last = *old
		}
		if last.Finished = b; b.State == state.Succeeded {
			last.Success = b.ID
		}
		g.put(append(b.Finish(), last.Put())...)
	}
}
