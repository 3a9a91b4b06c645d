package assign

import (
	"testing"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

func TestIdle(t *testing.T) {
	with := func(a *state.Agent, change func(*state.Agent)) *state.Agent { change(a); return a }
	pooled := with(agent("p", 1), func(a *state.Agent) { a.Pools = []string{"gpu"} })
	drained := with(agent("d", 2), func(a *state.Agent) { a.Drained = true })
	leaving := with(agent("d", 2), func(a *state.Agent) { a.Draining = true })
	crammed := with(agent("c", 1), func(a *state.Agent) { a.Closed = "its disk is nearly full: 1 of 9 free" })
	staging := lock(manifests.Lock{Name: "staging", Limit: 1})
	for name, c := range map[string]struct {
		agent  *state.Agent
		builds []*state.Build
		want   string
	}{
		"nothing is queued":            {agent("a", 1), nil, "no build waits"},
		"it builds, and has more room": {agent("a", 2), []*state.Build{queued("x/1", 0, runs("a"))}, "no build waits"},
		"it is about to get one":       {agent("a", 1), []*state.Build{queued("x/1", 0)}, ""},
		"it has no slot free":          {agent("a", 1), []*state.Build{queued("x/1", 0, runs("a")), queued("x/2", 0)}, "all its slots are full"},
		"it is drained":                {drained, []*state.Build{queued("x/1", 0)}, ""},
		"it is drained and at work":    {drained, []*state.Build{queued("x/2", 0, runs("d")), queued("x/1", 0, runs("d"))}, ""},
		"it leaves":                    {leaving, []*state.Build{queued("x/1", 0)}, ""},
		"its disk is nearly full":      {crammed, []*state.Build{queued("x/1", 0)}, "its disk is nearly full: 1 of 9 free"},
		"it lacks something":           {agent("a", 1), []*state.Build{queued("x/1", 0, requires("docker")), queued("x/2", 1, requires("docker"))}, "for x/1 and 1 more it lacks docker"},
		"its pool":                     {pooled, []*state.Build{queued("x/1", 0)}, "for x/1 it takes only builds for the pool gpu"},
		"another pool":                 {pooled, []*state.Build{queued("x/1", 0, pool("big"))}, "for x/1 it is not of the pool big"},
		"a lock and a lack": {agent("a", 2), []*state.Build{queued("x/1", 0, staging, runs("a")), queued("x/2", 1, staging), queued("y/1", 2, requires("mysql >= 8"))},
			"x/2: x/1 holds the lock staging; for y/1 it lacks mysql >= 8"},
		"many lacks": {agent("a", 1), []*state.Build{queued("x/1", 0, requires("a")), queued("x/2", 1, requires("b")), queued("x/3", 2, requires("c")), queued("x/4", 3, requires("d")), queued("x/5", 4, requires("e"))},
			"for x/1 it lacks a; for x/2 it lacks b; for x/3 it lacks c; and 2 more kinds of builds"},
	} {
		if got := board([]*state.Agent{c.agent}, c.builds...).Idle()[c.agent.Name]; got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
	}
	b := NewBoard()
	b.SetAgent("a", agent("a", 1), false)
	if got, want := b.Idle()["a"], "its connection is lost; what it builds is given to others when its lease is over"; got != want {
		t.Errorf("one without a connection: %q", got)
	}
}
