package schedule

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
)

// story is a manifest, what happens, and the builds that must follow: no others,
// and at these times. It is lived through in a moment, by the room's own decisions
// and on facts as the store has them.
//
// Events are lines of "TIME WHAT", times count from the beginning:
//
//	push REV [PATH...]         the source moves; "push theme REV" another repository
//	skip REV                   so it does, with [skip ci] in the message
//	force REV                  so it does, and what changed cannot be found out
//	gone                       the branch is deleted
//	start [REV]                a person wants a build
//	busy, free                 the agents take no builds, or do
//	fails, ails, well          from now on steps fail; so does provisioning; all is well
//	takes DURATION             so long builds take; at first a minute
//	down, up                   the master dies, and comes back
//	archive, unarchive
//	clock DURATION             the clock on the wall is put forward, or back
//	manifest N                 the text after the Nth "---" is put in force instead; "lib N": of that instance
//	report REPO                from now on builds find that they depend on it
type story struct {
	name     string
	manifest string            // of the shop; without [source] it has the usual one and a step; versions are separated by "---"
	others   map[string]string // other instances
	from     string            // the beginning; default 2026-05-04T00:00:00Z
	events   string
	until    string // default an hour
	// want are the builds as "TIME KIND [REVISION]", of others than the shop as
	// "TIME NAME KIND". Times count from the first build where it is "first".
	want  string
	since string
}

const usual = "[source]\ngit = \"https://h.test/shop.git\"\nbranch = \"main\"\n[[step]]\nname = \"test\"\nrun = \"true\"\n"

// whole is the text of a manifest in a story. What stands in a line of its own
// after "[" belongs to tables, which come last.
func whole(text string) string {
	if strings.Contains(text, "[source]") || strings.Contains(text, "[[step]]") {
		return text
	}
	head, tables, found := strings.Cut("\n"+text, "\n[")
	if found {
		tables = "[" + tables
	}
	return head + "\n" + usual + tables
}

func tell(t *testing.T, st story) {
	begin, err := time.Parse(time.RFC3339, cmp.Or(st.from, "2026-05-04T00:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	g := &stage{
		T: t, story: st, facts: state.NewFacts(), begin: begin.UTC(), now: begin.UTC().Add(-time.Hour), state: state.Succeeded, takes: time.Minute,
		diffs: map[string]Diff{}, lengths: map[string]time.Time{}, unseen: map[string]string{},
	}
	g.restart()
	g.observe("shop", "r1")
	g.observe("theme", "t1")
	g.observe("lib", "l1")
	g.now = g.begin
	for name, text := range st.others {
		g.force(name, strings.Split(text, "---\n")[0])
	}
	g.force("shop", strings.Split(st.manifest, "---\n")[0])
	for line := range strings.Lines(st.events) {
		if fields := strings.Fields(line); len(fields) > 1 {
			g.until(g.begin.Add(g.duration(fields[0])))
			g.happens(fields[1], fields[2:])
			g.settle()
		}
	}
	g.until(g.begin.Add(g.duration(cmp.Or(st.until, "1h"))))
	if got, want := g.said(), strings.Join(strings.Fields(st.want), " "); got != want {
		t.Errorf("\nbuilt %s\nwant  %s", got, want)
	}
}
