package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

func at(s int) time.Time { return time.Unix(1000+int64(s), 0).UTC() }

func watch(name string) watchlist.Watch {
	return watchlist.Watch{VCS: "git", URL: "https://h.test/" + name, Ref: "refs/heads/main"}
}

// used is a watch as a report lists it: what the build used, as of which facts.
func used(name, revision string, factsAt int64) watchlist.Watch {
	w := watch(name)
	w.Revision, w.FactsAt = revision, factsAt
	return w
}

// seenAt is a ref observed at a revision of the store, moved at a second.
func seenAt(revision string, rev int64, second int) *state.Ref {
	return &state.Ref{Meta: state.Meta{Rev: rev}, Revision: revision, MovedAt: at(second)}
}

// movedAt is a ref that was seen before at another revision.
func movedAt(previous, revision string, rev int64, second int) *state.Ref {
	r := seenAt(revision, rev, second)
	r.Previous, r.Moved = previous, true
	return r
}

// auto is a watch that a report lists without a revision.
func auto(name string, factsAt int64) watchlist.Watch {
	w := used(name, "", factsAt)
	w.Origin = watchlist.Auto
	return w
}

// remembered writes what an instance remembers: "a=r1@10", with a "!" if it was
// only discovered.
func remembered(all ...string) map[string]state.Seen {
	seen := map[string]state.Seen{}
	for _, s := range all {
		name, rest, _ := strings.Cut(s, "=")
		revision, rev, _ := strings.Cut(rest, "@")
		rev, discovered := strings.CutSuffix(rev, "!")
		var n int64
		_, _ = fmt.Sscan(rev, &n)
		seen[watch(name).Key()] = state.Seen{Revision: revision, At: n, Discovered: discovered}
	}
	return seen
}

func show(v Verdict) string {
	var out []string
	if v.Build != nil {
		var changes []string
		for _, c := range v.Build.Changes {
			changes = append(changes, c.Old+">"+c.New)
		}
		out = append(out, "build "+strings.Join(changes, ","))
	}
	for _, c := range v.Join {
		out = append(out, "join "+c.Old+">"+c.New)
	}
	if !v.Wake.IsZero() {
		out = append(out, fmt.Sprintf("wake=%d", v.Wake.Unix()-1000))
	}
	var seen []string
	for key, s := range v.Seen {
		name := strings.TrimPrefix(strings.Split(key, "\x00")[1], "any://h.test/")
		text := fmt.Sprintf("%s=%s@%d", name, s.Revision, s.At)
		if s.Discovered {
			text += "!"
		}
		seen = append(seen, text)
	}
	slices.Sort(seen)
	return strings.Join(append(out, seen...), " ")
}

func TestDecide(t *testing.T) {
	// The quiet time is 90 s; it is second 100; the manifest is in force since revision 4.
	for name, c := range map[string]struct {
		seen    map[string]state.Seen
		watches []Observed
		waiting bool
		want    string
	}{
		"nothing is watched":                 {nil, nil, false, ""},
		"not observed yet":                   {nil, []Observed{{watch("a"), nil}}, false, ""},
		"discovering is not moving":          {nil, []Observed{{watch("a"), seenAt("r1", 5, 0)}}, false, "a=r1@5!"},
		"what was discovered moves":          {remembered("a=r1@5!"), []Observed{{watch("a"), seenAt("r2", 6, 0)}}, false, "build r1>r2 a=r2@6"},
		"discovered after a build took it":   {remembered("a=r2@9!"), []Observed{{used("a", "r1", 5), seenAt("r2", 9, 0)}}, false, "build r1>r2 a=r2@9"},
		"discovered by a build":              {nil, []Observed{{used("a", "r1", 5), nil}}, false, "a=r1@5"},
		"then observed where it was":         {remembered("a=r1@5"), []Observed{{used("a", "r1", 5), seenAt("r1", 7, 0)}}, false, "a=r1@5"},
		"then observed elsewhere":            {remembered("a=r1@5"), []Observed{{used("a", "r1", 5), seenAt("r2", 7, 0)}}, false, "build r1>r2 a=r2@7"},
		"it has not moved":                   {remembered("a=r1@5"), []Observed{{watch("a"), seenAt("r1", 5, 0)}}, false, "a=r1@5"},
		"it has moved":                       {remembered("a=r1@5"), []Observed{{watch("a"), seenAt("r2", 6, 0)}}, false, "build r1>r2 a=r2@6"},
		"just now":                           {remembered("a=r1@5"), []Observed{{watch("a"), seenAt("r2", 6, 50)}}, false, "wake=140 a=r1@5"},
		"quiet for exactly long enough":      {remembered("a=r1@5"), []Observed{{watch("a"), seenAt("r2", 6, 10)}}, false, "build r1>r2 a=r2@6"},
		"another moves meanwhile":            {remembered("a=r1@5", "b=r1@5"), []Observed{{watch("a"), seenAt("r2", 6, 0)}, {watch("b"), seenAt("r2", 7, 60)}}, false, "wake=150 a=r1@5 b=r1@5"},
		"both are quiet: one build":          {remembered("a=r1@5", "b=r1@5"), []Observed{{watch("a"), seenAt("r2", 6, 0)}, {watch("b"), seenAt("r3", 7, 5)}}, false, "build r1>r2,r1>r3 a=r2@6 b=r3@7"},
		"what has not moved need not rest":   {remembered("a=r1@5", "b=r2@7"), []Observed{{watch("a"), seenAt("r2", 6, 0)}, {watch("b"), seenAt("r2", 7, 99)}}, false, "build r1>r2 a=r2@6 b=r2@7"},
		"it joins what waits":                {remembered("a=r1@5"), []Observed{{watch("a"), seenAt("r2", 6, 99)}}, true, "join r1>r2 a=r2@6"},
		"nothing to join":                    {remembered("a=r1@5"), []Observed{{watch("a"), seenAt("r1", 5, 99)}}, true, "a=r1@5"},
		"a build knows more than the poll":   {remembered("a=r1@5"), []Observed{{used("a", "r3", 9), seenAt("r2", 8, 0)}}, false, "a=r3@9"},
		"an observation as old as the build": {remembered("a=r1@5"), []Observed{{used("a", "r3", 8), seenAt("r2", 8, 0)}}, false, "a=r3@8"},
		"the poll knows more than a build":   {remembered("a=r1@5"), []Observed{{used("a", "r3", 9), seenAt("r4", 10, 0)}}, false, "build r3>r4 a=r4@10"},
		"a late report of an older build":    {remembered("a=r2@9"), []Observed{{used("a", "r1", 5), seenAt("r2", 9, 0)}}, false, "a=r2@9"},
		"forced back":                        {remembered("a=r2@9"), []Observed{{watch("a"), seenAt("r1", 10, 0)}}, false, "build r2>r1 a=r1@10"},
		"deleted":                            {remembered("a=r1@5"), []Observed{{watch("a"), seenAt("", 6, 0)}}, false, "a=r1@5"},
		"created again as it was":            {remembered("a=r1@5"), []Observed{{watch("a"), seenAt("r1", 7, 0)}}, false, "a=r1@5"},
		"created again elsewhere":            {remembered("a=r1@5"), []Observed{{watch("a"), seenAt("r2", 7, 0)}}, false, "build r1>r2 a=r2@7"},
		"not there at first":                 {nil, []Observed{{watch("a"), seenAt("", 5, 0)}}, false, "a=@5!"},
		"there at last":                      {remembered("a=@5!"), []Observed{{watch("a"), seenAt("r1", 7, 0)}}, false, "build >r1 a=r1@7"},
		"it moved before it was looked at":   {nil, []Observed{{watch("a"), movedAt("r1", "r2", 5, 0)}}, false, "build r1>r2 a=r2@5"},
		"it moved before it was watched":     {nil, []Observed{{watch("a"), movedAt("r1", "r2", 3, 0)}}, false, "a=r2@3!"},
		"it came before it was looked at":    {nil, []Observed{{watch("a"), movedAt("", "r1", 5, 0)}}, false, "build >r1 a=r1@5"},
		"it went before it was looked at":    {nil, []Observed{{watch("a"), movedAt("r1", "", 5, 0)}}, false, "a=r1@0!"},
		"it came, too late to be waited for": {nil, []Observed{{watch("a"), movedAt("r1", "r2", 5, 50)}}, false, "wake=140 a=r1@0!"},
		"it moved during the build":          {nil, []Observed{{auto("a", 4), movedAt("r1", "r2", 5, 0)}}, false, "build r1>r2 a=r2@5"},
		"it moved before the build":          {nil, []Observed{{auto("a", 5), movedAt("r1", "r2", 5, 0)}}, false, "a=r2@5!"},
		"a watch that is gone is forgotten":  {remembered("a=r1@5", "b=r1@5"), []Observed{{watch("a"), seenAt("r1", 5, 0)}}, false, "a=r1@5"},
		"a failing build does not loop":      {remembered("a=r2@6"), []Observed{{used("a", "r1", 5), seenAt("r2", 6, 0)}}, false, "a=r2@6"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &manifests.Manifest{Instance: "shop", TreeStableTimer: 90 * time.Second}
			before := fmt.Sprint(c.seen)
			v := Decide(Situation{Manifest: m, Since: 4, Instance: state.Instance{Name: "shop", Seen: c.seen}, Watches: c.watches, Waiting: c.waiting}, at(100))
			if got := show(v); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if now := fmt.Sprint(c.seen); now != before {
				t.Errorf("what was remembered changed in place to %s", now)
			}
			if v.Build != nil { // decided once more, nothing follows
				again := Decide(Situation{Manifest: m, Since: 4, Instance: state.Instance{Seen: v.Seen}, Watches: c.watches}, at(200))
				if again.Build != nil || len(again.Join) > 0 || again.remembers(state.Instance{Seen: v.Seen}) {
					t.Errorf("decided twice: %s", show(again))
				}
			}
		})
	}
}

// What was observed before a build was handed out has been fetched by it, even
// if this room comes to look at it only now.
func TestDecideAfterHandingOut(t *testing.T) {
	watches := []Observed{{watch("a"), seenAt("r2", 6, 0)}, {watch("b"), movedAt("r1", "r2", 7, 0)}, {watch("c"), seenAt("r2", 8, 0)}}
	s := Situation{Manifest: &manifests.Manifest{}, Since: 4, Covered: 7, Watches: watches, Instance: state.Instance{Seen: remembered("a=r1@5", "c=r1@5")}}
	if got, want := show(Decide(s, at(100))), "build r1>r2 a=r2@6 b=r2@7 c=r2@8"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDecideRests(t *testing.T) {
	moved := []Observed{{watch("a"), seenAt("r2", 6, 0)}}
	m := &manifests.Manifest{Instance: "shop"}
	for name, s := range map[string]Situation{
		"not in force": {Instance: state.Instance{Seen: remembered("a=r1@5")}, Watches: moved},
		"archived":     {Manifest: m, Instance: state.Instance{Seen: remembered("a=r1@5"), Archived: true}, Watches: moved},
	} {
		v := Decide(s, at(100))
		if v.Build != nil || v.remembers(s.Instance) || !v.Wake.IsZero() {
			t.Errorf("%s: %s", name, show(v))
		}
	}
	back := Situation{Manifest: m, Instance: state.Instance{Seen: remembered("a=r1@5")}, Watches: moved}
	if v := Decide(back, at(100)); v.Build == nil {
		t.Error("what moved while it was archived is not built afterwards")
	}
}

func TestTheReasonNamesWhatMoved(t *testing.T) {
	var watches []Observed
	seen := map[string]state.Seen{}
	for i := range 200 {
		w := watch(fmt.Sprintf("r%03d", i))
		watches = append(watches, Observed{w, seenAt(strings.Repeat("b", 40), 9, 0)})
		seen[w.Key()] = state.Seen{Revision: "a", At: 1}
	}
	v := Decide(Situation{Manifest: &manifests.Manifest{}, Instance: state.Instance{Seen: seen}, Watches: watches}, at(100))
	if want := "change: main of https://h.test/r000 at bbbbbbbbbbbb, "; v.Build == nil || !strings.HasPrefix(v.Build.Text, want) || !strings.HasSuffix(v.Build.Text, ", 197 more") {
		t.Fatalf("reason %+v", v.Build)
	}
	if n := len(v.Build.Changes); n == 0 || n > 50 {
		t.Errorf("%d changes are listed: a fact has its bounds", n)
	}
}
