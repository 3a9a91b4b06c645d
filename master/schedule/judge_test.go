package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

// diffsOf answers for "OLD>NEW"; what is not there is still being asked.
func diffsOf(all map[string]Diff) func(Movement) (Diff, bool) {
	return func(m Movement) (Diff, bool) {
		d, ok := all[m.Old+">"+m.New]
		return d, ok
	}
}

func TestWhatCounts(t *testing.T) {
	docs := &manifests.Paths{Ignore: []string{"docs/**"}}
	chosen := watch("a")
	chosen.Paths = docs
	hg := watch("a")
	hg.VCS = "hg"
	known := map[string]Diff{
		">r2": {Message: "work"}, ">r3": {Message: "more [SKIP CI]"}, ">r4": {Unknown: "the remote is away"},
		"r1>r2": {Message: "work", Paths: []string{"src/a"}}, "r1>r3": {Message: "more [skip ci]", Paths: []string{"src/a"}},
		"r1>r4": {Message: "work", Paths: []string{"docs/a"}}, "r1>r5": {Message: "work"}, "r1>r6": {Message: "work", Unknown: "too much"},
		"r1>r7": {Message: "typo [ci skip]", Unknown: "too much"}, "r2>r4": {Message: "work", Paths: []string{"docs/a"}}, ">r8": {Message: "new"},
	}
	wants := func(seen map[string]state.Seen) map[string]state.Seen {
		for key, s := range seen {
			s.Wants = true
			seen[key] = s
		}
		return seen
	}
	one := remembered("a=r1@5")
	for name, c := range map[string]struct {
		seen    map[string]state.Seen
		watches []Observed
		want    string
	}{
		"a commit":                       {one, []Observed{{watch("a"), seenAt("r2", 6, 0)}}, "build r1>r2 a=r2@6"},
		"a commit to be skipped":         {one, []Observed{{watch("a"), seenAt("r3", 6, 0)}}, "a=r3@6"},
		"it is not known yet":            {one, []Observed{{watch("a"), seenAt("r9", 6, 0)}}, "ask >r9 a=r1@5"},
		"it cannot be found out":         {one, []Observed{{watch("a"), seenAt("r4", 6, 0)}}, "build r1>r4 a=r4@6"},
		"a path that counts":             {one, []Observed{{chosen, seenAt("r2", 6, 0)}}, "build r1>r2 a=r2@6"},
		"that is to be skipped":          {one, []Observed{{chosen, seenAt("r3", 6, 0)}}, "a=r3@6"},
		"a path that does not":           {one, []Observed{{chosen, seenAt("r4", 6, 0)}}, "a=r4@6"},
		"nothing at all changed":         {one, []Observed{{chosen, seenAt("r5", 6, 0)}}, "a=r5@6"},
		"which is not known":             {one, []Observed{{chosen, seenAt("r6", 6, 0)}}, "build r1>r6 (which paths changed is not known: too much) a=r6@6"},
		"nor need be":                    {one, []Observed{{chosen, seenAt("r7", 6, 0)}}, "a=r7@6"},
		"paths are asked for":            {one, []Observed{{chosen, seenAt("r9", 6, 0)}}, "ask r1>r9 a=r1@5"},
		"a ref that there was not":       {remembered("a=@5"), []Observed{{chosen, seenAt("r8", 6, 0)}}, "build >r8 (all of it is new) a=r8@6"},
		"Mercurial":                      {nil, []Observed{{hg, movedAt("r1", "r3", 6, 0)}}, "build r1>r3 a=r3@6"},
		"skipped after one that was not": {one, []Observed{{watch("a"), movedAt("r2", "r3", 7, 0)}}, "build r1>r3 a=r3@7"},
		"before that, not known":         {one, []Observed{{watch("a"), movedAt("r9", "r3", 7, 0)}}, "ask >r9 a=r1@5"},
		"skipped after what was seen":    {one, []Observed{{watch("a"), movedAt("r1", "r3", 7, 0)}}, "a=r3@7"},
		"undone before it was built":     {one, []Observed{{chosen, movedAt("r2", "r4", 7, 0)}}, "a=r4@7"},
		"while it must rest":             {one, []Observed{{watch("a"), seenAt("r2", 6, 95)}}, "wake=105 a=r1@5?"},
		"skipped while it rests":         {wants(remembered("a=r1@5")), []Observed{{watch("a"), movedAt("r9", "r3", 8, 96)}}, "wake=106 a=r1@5?"},
		"and then built":                 {wants(remembered("a=r1@5")), []Observed{{watch("a"), movedAt("r9", "r3", 8, 0)}}, "build r1>r3 a=r3@8"},
		"back where it was":              {wants(remembered("a=r1@5")), []Observed{{watch("a"), movedAt("r2", "r1", 8, 0)}}, "a=r1@5"},
		"one counts, others come along": {remembered("a=r1@5", "b=r1@5", "c=r1@5"),
			[]Observed{{watch("a"), seenAt("r2", 6, 0)}, {watch("b"), seenAt("r3", 6, 0)}, {watch("c"), seenAt("r9", 6, 0)}}, "build r1>r2,r1>r9 ask >r9 a=r2@6 b=r3@6 c=r9@6"},
		"one waits, one is to be skipped": {remembered("a=r1@5", "b=r1@5"), []Observed{{watch("a"), seenAt("r9", 6, 0)}, {watch("b"), seenAt("r3", 6, 0)}}, "ask >r9 a=r1@5 b=r3@6"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &manifests.Manifest{Instance: "shop", TreeStableTimer: 10 * time.Second}
			seen := c.seen
			if name == "Mercurial" {
				seen = map[string]state.Seen{hg.Key(): {Revision: "r1", At: 5}}
			}
			v := Decide(Situation{Manifest: m, Since: 4, Instance: state.Instance{Name: "shop", Seen: seen}, Watches: c.watches, Changed: diffsOf(known)}, at(100))
			if got := showJudged(v); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What was said of a movement need not be found out, unless nothing of it counts.
func TestWhatIsSaidCounts(t *testing.T) {
	chosen := watch("a")
	chosen.Paths = &manifests.Paths{Ignore: []string{"docs/**"}}
	said := func(o *state.Ref, message string, paths ...string) *state.Ref {
		o.Said = &state.Said{Message: message, Paths: paths}
		return o
	}
	found := map[string]Diff{"r1>r4": {Message: "work [skip ci]"}, ">r5": {Message: "work"}}
	for name, c := range map[string]struct {
		watch watchlist.Watch
		ref   *state.Ref
		want  string
	}{
		"a commit":                     {watch("a"), said(movedAt("r1", "r2", 6, 0), "work"), "build r1>r2 a=r2@6"},
		"a commit to be skipped":       {watch("a"), said(movedAt("r1", "r2", 6, 0), "x [skip ci]"), "a=r2@6"},
		"skipped after an unknown one": {watch("a"), said(movedAt("r9", "r2", 6, 0), "x [skip ci]"), "ask >r9 a=r1@5"},
		"and after one that counts":    {watch("a"), said(movedAt("r5", "r2", 6, 0), "x [skip ci]"), "build r1>r2 a=r2@6"},
		"a path that counts":           {chosen, said(movedAt("r1", "r2", 6, 0), "work", "docs/a", "src/a"), "build r1>r2 a=r2@6"},
		"none that does":               {chosen, said(movedAt("r1", "r2", 6, 0), "work", "docs/a"), "ask r1>r2 a=r1@5"},
		"no paths":                     {chosen, said(movedAt("r1", "r2", 6, 0), "work"), "ask r1>r2 a=r1@5"},
		"of a part of the way":         {chosen, said(movedAt("r9", "r2", 6, 0), "work", "src/a"), "ask r1>r2 a=r1@5"},
		"to be skipped in any case":    {chosen, said(movedAt("r1", "r2", 6, 0), "[skip ci]", "src/a"), "a=r2@6"},
		"it was looked at":             {chosen, said(movedAt("r1", "r4", 6, 0), "work", "src/a"), "a=r4@6"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Situation{
				Manifest: &manifests.Manifest{Instance: "shop"}, Since: 4, Changed: diffsOf(found),
				Instance: state.Instance{Name: "shop", Seen: remembered("a=r1@5")}, Watches: []Observed{{c.watch, c.ref}},
			}
			if got := showJudged(Decide(s, at(100))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// showJudged is show with what is asked, and "?" where a build is wanted.
func showJudged(v Verdict) string {
	text := show(v)
	if v.Build != nil {
		if _, note, ok := strings.Cut(v.Build.Text, " ("); ok {
			at := strings.Index(text, " a=")
			text = text[:at] + " (" + note + text[at:]
		}
	}
	var asked []string
	for _, m := range v.Ask {
		asked = append(asked, "ask "+m.Old+">"+m.New)
	}
	if len(asked) > 0 {
		at := max(strings.Index(text, "a="), 0)
		text = text[:at] + strings.Join(asked, " ") + " " + text[at:]
	}
	for _, s := range v.Seen {
		if s.Wants {
			text += "?"
		}
	}
	return text
}

func TestNobodyAsksInVain(t *testing.T) {
	m := &manifests.Manifest{Instance: "shop", When: manifests.When{NoSkip: true}}
	s := Situation{Manifest: m, Instance: state.Instance{Seen: remembered("a=r1@5")}, Watches: []Observed{{watch("a"), seenAt("r3", 6, 0)}},
		Changed: func(Movement) (Diff, bool) { t.Error("it is asked"); return Diff{}, false }}
	if v := Decide(s, at(100)); v.Build == nil {
		t.Errorf("not built: %s", show(v))
	}
	s.Manifest, s.Waiting = &manifests.Manifest{Instance: "shop"}, true
	if v := Decide(s, at(100)); !v.Joined || len(v.Join) != 1 {
		t.Errorf("what waits fetches it in any case: %s", show(v))
	}
}

func TestDecideAfterOthers(t *testing.T) {
	m := &manifests.Manifest{Instance: "shop", TreeStableTimer: 90 * time.Second}
	lib := func(n int64, second int) Followed { return Followed{Name: "lib", Success: n, At: at(second)} }
	base, busy := Followed{Name: "base", Success: 3, At: at(0)}, lib(9, 0)
	busy.Busy = true
	for name, c := range map[string]struct {
		known    map[string]int64
		followed []Followed
		watches  []Observed
		waiting  bool
		want     string
	}{
		"nothing is followed":           {nil, nil, nil, false, "map[]"},
		"never built":                   {nil, []Followed{lib(0, 0)}, nil, false, "map[lib:0]"},
		"seen first":                    {nil, []Followed{lib(7, 0)}, nil, false, "map[lib:7]"},
		"its first success":             {map[string]int64{"lib": 0}, []Followed{lib(1, 0)}, nil, false, "after: success of lib-000001 map[lib:1]"},
		"nothing new":                   {map[string]int64{"lib": 7}, []Followed{lib(7, 0)}, nil, false, "map[lib:7]"},
		"a success":                     {map[string]int64{"lib": 7}, []Followed{lib(9, 0)}, nil, false, "after: success of lib-000009 map[lib:9]"},
		"a success just now":            {map[string]int64{"lib": 7}, []Followed{lib(9, 50)}, nil, false, "wake=140 map[lib:7]"},
		"two":                           {map[string]int64{"lib": 7, "base": 2}, []Followed{base, lib(9, 0)}, nil, false, "after: success of base-000003, success of lib-000009 map[base:3 lib:9]"},
		"it joins what waits":           {map[string]int64{"lib": 7}, []Followed{lib(9, 99)}, nil, true, "joined map[lib:9]"},
		"with a change":                 {map[string]int64{"lib": 7}, []Followed{lib(9, 0)}, []Observed{{watch("a"), seenAt("r2", 6, 5)}}, false, "change: main of https://h.test/a at r2, success of lib-000009 map[lib:9]"},
		"a change that must rest holds": {map[string]int64{"lib": 7}, []Followed{lib(9, 0)}, []Observed{{watch("a"), seenAt("r2", 6, 50)}}, false, "wake=140 map[lib:7]"},
		"one of several":                {map[string]int64{"lib": 7}, []Followed{busy}, nil, false, "map[lib:7]"},
		"one of several, seen first":    {nil, []Followed{busy}, nil, false, "map[]"},
		"no longer followed":            {map[string]int64{"lib": 7, "base": 1}, []Followed{lib(7, 0)}, nil, false, "map[lib:7]"},
	} {
		t.Run(name, func(t *testing.T) {
			before := fmt.Sprint(c.known)
			i := state.Instance{Name: "shop", Followed: c.known, Seen: remembered("a=r1@5")}
			v := Decide(Situation{Manifest: m, Instance: i, Followed: c.followed, Watches: c.watches, Waiting: c.waiting}, at(100))
			var out []string
			if v.Build != nil {
				out = append(out, v.Build.Text)
				if kind, _, _ := strings.Cut(v.Build.Text, ":"); kind != v.Build.Kind {
					t.Errorf("of kind %s: %s", v.Build.Kind, v.Build.Text)
				}
			}
			if v.Joined {
				out = append(out, "joined")
			}
			if !v.Wake.IsZero() {
				out = append(out, fmt.Sprintf("wake=%d", v.Wake.Unix()-1000))
			}
			if got := strings.Join(append(out, fmt.Sprint(v.Followed)), " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if after := fmt.Sprint(c.known); after != before {
				t.Errorf("what was remembered changed in place to %s", after)
			}
		})
	}
}

func TestSaysSkip(t *testing.T) {
	for message, want := range map[string]bool{
		"fix":                                  false,
		"fix [skip ci]":                        true,
		"[ci skip] fix":                        true,
		"fix\n\nlong\n[NO CI] text":            true,
		"[skip actions]":                       true,
		"[actions skip]":                       true,
		"[skip wright]":                        true,
		"[wright skip]":                        true,
		"skip ci":                              false,
		"[skip  ci]":                           false,
		"[skip-ci]":                            false,
		"fix\n\nskip-checks: true":             true,
		"fix\n\nskip-checks:true\n":            true,
		"fix\r\n\r\n\r\nskip-checks: true\r\n": true,
		"fix\n\nSigned-off-by: A\nSkip-CI: true\n": true,
		"fix\n\nskip-ci: false":                    false,
		"skip-ci: true":                            false,
		"fix\n\nskip-ci: true\n\nmore":             false,
		"":                                         false,
	} {
		if got := saysSkip(message); got != want {
			t.Errorf("%q: %t", message, got)
		}
	}
}
