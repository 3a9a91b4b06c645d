package assign

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestOfferMeets(t *testing.T) {
	offers := NewOffer(
		[]string{"docker", "postgresql 15.4 port=5433", "postgresql 9.6", "go 1.26.1 /usr/bin/go", "oddity latest", "gpu a100 memory=40", "", "  spaced   2.0 "},
		[]string{"cloud/process 0.1.0", "dns/hosts"}, nil,
	)
	for requirement, want := range map[string]bool{
		"docker": true, "postgresql": true, "mysql": false, "oddity": true, "spaced": true, "port=5433": false,
		"postgresql >= 14": true, "postgresql >= 16": false, "postgresql = 15.4": true, "postgresql < 10": true, "postgresql >= 10, < 15": false,
		"postgresql >= 14, < 17": true, "postgresql >= 14 < 17": true, "postgresql>=14,<17": true, "postgresql>=14 <17": true, "postgresql >= 14 < 15": false, "postgresql >= 16 < 17": false,
		"postgresql ~> 15.0": true, "postgresql != 15.4": true, "go >= 1.26": true, "go >= 1.27": false,
		"docker >= 1":          false, // it offers docker, nobody knows which
		"oddity >= 1":          false,
		"spaced >= 2":          true,
		`gpu == "a100"`:        true,
		`gpu == "h100"`:        false,
		`gpu != "h100"`:        true,
		`gpu != "a100"`:        false,
		`postgresql == "9.6"`:  true,
		"postgresql == 9.6.0":  true,
		"plugin:cloud/process": true, "plugin:dns/hosts": true, "plugin:dns/rfc2136": false, "plugin:": false, "cloud/process": false,
		"": false, ">= 14": false, "postgresql >=": false, "postgresql >= x": false,
	} {
		if got := len(newNeeds([]string{requirement}).lacks(offers)) == 0; got != want {
			t.Errorf("%q is met: %v, want %v", requirement, got, want)
		}
	}
	for want, requires := range map[string][]string{
		"mysql php":                        {"docker", "mysql", "php"},
		"postgresql >= 14 postgresql < 10": {"postgresql >= 14", "postgresql < 10"}, // two versions are not one
		"":                                 nil,
	} {
		if got := strings.Join(newNeeds(requires).lacks(offers), " "); got != want {
			t.Errorf("of %q it lacks %q, want %q", requires, got, want)
		}
	}
}

func TestVariables(t *testing.T) {
	o := NewOffer([]string{"postgresql 15.4 port=5433 data-dir=/srv/pg", "postgresql 9.6 port=5432", "g++ 12.2", "docker", "secret x=y"}, nil, nil)
	for want, requires := range map[string][]string{
		"": nil,
		"WRIGHT_CAP_POSTGRESQL=15.4 WRIGHT_CAP_POSTGRESQL_DATA_DIR=/srv/pg WRIGHT_CAP_POSTGRESQL_PORT=5433": {"postgresql"},
		"WRIGHT_CAP_POSTGRESQL=9.6 WRIGHT_CAP_POSTGRESQL_PORT=5432":                                         {"docker", "postgresql < 10", "postgresql"},
		"WRIGHT_CAP_G__=12.2": {"g++", "mysql", "plugin:dns/hosts"},
	} {
		var got []string
		for k, v := range o.Variables(requires) {
			got = append(got, k+"="+v)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", requires, got, want)
		}
	}
}

// queued is a build of an instance, queued so many seconds after the epoch.
func queued(id string, after int, change ...func(*state.Build)) *state.Build {
	instance, number, _ := strings.Cut(id, "/")
	b := &state.Build{ID: id, Instance: instance, State: state.Queued, Attempt: 1, QueuedAt: epoch.Add(time.Duration(after) * time.Second)}
	_, _ = fmt.Sscan(number, &b.Number)
	for _, c := range change {
		c(b)
	}
	return b
}

func requires(all ...string) func(*state.Build) { return func(b *state.Build) { b.Requires = all } }
func priority(p int) func(*state.Build)         { return func(b *state.Build) { b.Priority = p } }
func pool(name string) func(*state.Build)       { return func(b *state.Build) { b.Where.Pool = name } }
func prefer(all ...string) func(*state.Build)   { return func(b *state.Build) { b.Where.Prefer = all } }
func avoid(agent string) func(*state.Build)     { return func(b *state.Build) { b.Avoid = agent } }
func parallel(n int) func(*state.Build)         { return func(b *state.Build) { b.Where.Parallel = n } }
func lock(all ...manifests.Lock) func(*state.Build) {
	return func(b *state.Build) { b.Where.Locks = all }
}
func runs(agent string) func(*state.Build) {
	return func(b *state.Build) { b.State, b.Agent = state.Running, agent }
}

func agent(name string, slots int, capabilities ...string) *state.Agent {
	return &state.Agent{Name: name, Slots: slots, Capabilities: capabilities}
}

func board(agents []*state.Agent, builds ...*state.Build) *Board {
	b := NewBoard()
	for _, a := range agents {
		b.SetAgent(a.Name, a, true)
	}
	for _, build := range builds {
		b.Put(build)
	}
	return b
}

func said(all []Assignment) string {
	var words []string
	for _, a := range all {
		words = append(words, a.Build.ID+":"+a.Agent)
	}
	return strings.Join(words, " ")
}

func TestNext(t *testing.T) {
	one := func(slots int, capabilities ...string) []*state.Agent {
		return []*state.Agent{agent("a", slots, capabilities...)}
	}
	staging := manifests.Lock{Name: "staging", Limit: 1}
	port := manifests.Lock{Name: "port", Limit: 1, Agent: true}
	pooled := agent("p", 2)
	pooled.Pools = []string{"gpu"}
	drained := agent("d", 5)
	drained.Drained = true
	crammed := agent("c", 5)
	crammed.Closed = "its disk is nearly full"
	for name, c := range map[string]struct {
		agents []*state.Agent
		builds []*state.Build
		want   string
	}{
		"nothing to do":           {one(1), nil, ""},
		"nobody there":            {nil, []*state.Build{queued("x/1", 0)}, ""},
		"one for one":             {one(1), []*state.Build{queued("x/1", 0)}, "x/1:a"},
		"no slot is free":         {one(1), []*state.Build{queued("x/1", 0, runs("a")), queued("x/2", 0)}, ""},
		"more in hand than slots": {[]*state.Agent{agent("a", 1), agent("b", 1)}, []*state.Build{queued("x/1", 0, runs("a")), queued("x/2", 0, runs("a")), queued("y/1", 0)}, "y/1:b"},
		"in the order they came":  {one(9), []*state.Build{queued("x/2", 2), queued("x/1", 1), queued("x/3", 3)}, "x/1:a x/2:a x/3:a"},
		"priority within one":     {one(2), []*state.Build{queued("x/1", 1), queued("x/2", 2, priority(1)), queued("x/3", 3)}, "x/2:a x/1:a"},
		"priority between two":    {one(2), []*state.Build{queued("x/1", 0), queued("y/1", 599, priority(1)), queued("z/1", 601, priority(1))}, "y/1:a x/1:a"},
		"who waited ten minutes goes before a priority of one": {one(1), []*state.Build{queued("x/1", 0), queued("y/1", 601, priority(1))}, "x/1:a"},
		"instances take turns": {one(5),
			[]*state.Build{queued("x/1", 0), queued("x/2", 0), queued("x/3", 0), queued("x/4", 0), queued("y/1", 9), queued("z/1", 8)}, "x/1:a z/1:a y/1:a x/2:a x/3:a"},
		"two bursts alternate":     {one(4), []*state.Build{queued("x/1", 0), queued("x/2", 0), queued("x/3", 0), queued("y/1", 1), queued("y/2", 1)}, "x/1:a y/1:a x/2:a y/2:a"},
		"the most free slots":      {[]*state.Agent{agent("a", 1), agent("b", 3), agent("c", 2)}, []*state.Build{queued("x/1", 0)}, "x/1:b"},
		"evenly":                   {[]*state.Agent{agent("a", 2), agent("b", 2)}, []*state.Build{queued("x/1", 0), queued("x/2", 0), queued("x/3", 0), queued("x/4", 0)}, "x/1:a x/2:b x/3:a x/4:b"},
		"who has what it requires": {[]*state.Agent{agent("a", 9), agent("b", 1, "docker")}, []*state.Build{queued("x/1", 0, requires("docker"))}, "x/1:b"},
		"a blocked one blocks nobody": {one(2, "docker"),
			[]*state.Build{queued("x/1", 0, requires("mainframe")), queued("x/2", 1), queued("y/1", 2, requires("docker"))}, "x/2:a y/1:a"},
		"a pool is for its own":                {[]*state.Agent{agent("a", 1), pooled}, []*state.Build{queued("x/1", 0), queued("x/2", 0), queued("y/1", 0, pool("gpu"))}, "x/1:a y/1:p"},
		"its disk is nearly full":              {[]*state.Agent{crammed}, []*state.Build{queued("x/1", 0)}, ""},
		"drained":                              {[]*state.Agent{drained}, []*state.Build{queued("x/1", 0)}, ""},
		"not where the host was to blame":      {[]*state.Agent{agent("a", 9), agent("b", 1)}, []*state.Build{queued("x/1", 0, avoid("a"))}, "x/1:b"},
		"there too if nobody else can take it": {[]*state.Agent{agent("a", 9)}, []*state.Build{queued("x/1", 0, avoid("a"))}, "x/1:a"},
		"preferred before freer": {[]*state.Agent{agent("a", 9), agent("b", 1, "ssd 2", "gpu h100")},
			[]*state.Build{queued("x/1", 0, prefer("ssd", "gpu")), queued("x/2", 1, prefer("ssd", "gpu"))}, "x/1:b x/2:a"},
		"at most two":             {one(9), []*state.Build{queued("x/1", 0, runs("a"), parallel(2)), queued("x/2", 0, parallel(2)), queued("x/3", 0, parallel(2)), queued("y/1", 1)}, "x/2:a y/1:a"},
		"a lock of two instances": {one(9), []*state.Build{queued("x/1", 0, lock(staging)), queued("y/1", 1, lock(staging)), queued("z/1", 2)}, "x/1:a z/1:a"},
		"a lock that is held":     {one(9), []*state.Build{queued("x/1", 0, lock(staging), runs("gone")), queued("y/1", 1, lock(staging))}, ""},
		"a lock on each agent": {[]*state.Agent{agent("a", 2), agent("b", 2)},
			[]*state.Build{queued("x/1", 0, lock(port)), queued("x/2", 1, lock(port)), queued("x/3", 2, lock(port))}, "x/1:a x/2:b"},
	} {
		t.Run(name, func(t *testing.T) {
			b := board(c.agents, c.builds...)
			if got := said(b.Next(epoch.Add(time.Hour), 100)); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if again := said(b.Next(epoch.Add(time.Hour), 100)); again != "" {
				t.Errorf("then also %q", again)
			}
		})
	}
}

// A burst of one instance delays the first build of another by one slot at most,
// however quick builds are and however often slots get free.
func TestBurstDelaysOthersByOneSlot(t *testing.T) {
	b := board([]*state.Agent{agent("a", 1)})
	for n := range 1000 {
		b.Put(queued(fmt.Sprintf("burst/%d", n+1), n/100))
	}
	now := epoch.Add(time.Minute)
	for range 50 {
		for _, a := range b.Next(now, 10) {
			b.Drop(a.Build.ID)
		}
		now = now.Add(time.Second)
	}
	last := b.Next(now, 1)
	b.Put(queued("late/1", int(now.Sub(epoch).Seconds())))
	b.Drop(last[0].Build.ID)
	now = now.Add(time.Second)
	first := b.Next(now, 1)
	b.Drop(first[0].Build.ID)
	second := b.Next(now.Add(time.Second), 1)
	if got := said(append(first, second...)); !strings.Contains(got, "late/1") {
		t.Errorf("after a slot got free twice the other instance still waits: %s", got)
	}
}

func TestWhy(t *testing.T) {
	var many []*state.Agent
	for i := range 20 {
		many = append(many, agent(fmt.Sprintf("a%02d", i), 1))
	}
	pooled := agent("p", 1)
	pooled.Pools = []string{"gpu"}
	drained := agent("d", 1)
	drained.Drained = true
	crammed := agent("c", 1)
	crammed.Closed = "its disk is nearly full: 1 of 9 free"
	two := []*state.Agent{agent("a", 1), agent("b", 1, "docker")}
	staging := manifests.Lock{Name: "staging", Limit: 2}
	port := manifests.Lock{Name: "port", Limit: 1, Agent: true}
	for name, c := range map[string]struct {
		agents []*state.Agent
		others []*state.Build
		build  *state.Build
		want   string
	}{
		"it goes at once": {two, nil, queued("x/1", 0), ""},
		"nobody is there": {nil, nil, queued("x/1", 0), "no agent is connected; start one with `wright agent run`"},
		"all are busy": {two, []*state.Build{queued("y/1", 0, runs("b"))}, queued("x/1", 0, requires("docker")),
			"every agent that could take it is busy: b with y/1"},
		"nobody can": {two, nil, queued("x/1", 0, requires("docker", "plugin:dns/hosts")),
			"no agent offers what it requires: a lacks docker, b lacks dns/hosts"},
		"many cannot": {many, nil, queued("x/1", 0, requires("docker >= 20")),
			"no agent offers what it requires: a00 lacks docker >= 20, a01 lacks docker >= 20, a02 lacks docker >= 20, a03 lacks docker >= 20, a04 lacks docker >= 20 and 15 more"},
		"another pool": {[]*state.Agent{agent("a", 1), pooled}, nil, queued("x/1", 0, pool("big")),
			"no agent offers what it requires: a is not of the pool big, p is not of the pool big"},
		"only a pool": {[]*state.Agent{pooled}, nil, queued("x/1", 0), "no agent offers what it requires: p takes only builds for the pool gpu"},
		"all are drained": {[]*state.Agent{drained}, nil, queued("x/1", 0),
			"every agent that could take it is drained or away: d; `wright agent drain --undo NAME` gives one work again"},
		"its disk is nearly full": {[]*state.Agent{crammed, agent("a", 1)}, nil, queued("x/1", 0, requires("docker")),
			"no agent offers what it requires: a lacks docker, c lacks docker"},
		"the disk of the only one is nearly full": {[]*state.Agent{crammed}, nil, queued("x/1", 0),
			"no agent that could take it takes more: c: its disk is nearly full: 1 of 9 free"},
		"one is drained, and another's disk is nearly full": {[]*state.Agent{crammed, drained}, nil, queued("x/1", 0),
			"every agent that could take it is drained, away or takes no more: d, c: its disk is nearly full: 1 of 9 free"},
		"another of its instance": {two, []*state.Build{queued("y/1", 0, runs("a")), queued("y/2", 0, runs("b")), queued("x/1", 0)}, queued("x/2", 1),
			"x/1 of the same instance goes before it; every agent that could take it is busy: a with y/1, b with y/2"},
		"others": {[]*state.Agent{agent("a", 1)}, []*state.Build{queued("y/1", 0, runs("a")), queued("y/2", 0), queued("z/1", 0), queued("w/1", 5)}, queued("x/1", 1),
			"every agent that could take it is busy: a with y/1; y/2 and 1 of other instances go before it"},
		"another": {[]*state.Agent{agent("a", 1)}, []*state.Build{queued("y/1", 0)}, queued("x/1", 1), "y/1 goes before it"},
		"the cap": {many, []*state.Build{queued("x/1", 0, runs("a01")), queued("x/2", 0, runs("a02"))}, queued("x/3", 0, parallel(2)),
			"x builds at most 2 at a time, and x/1, x/2 are under way"},
		"a lock": {many, []*state.Build{queued("y/1", 0, lock(staging), runs("a01")), queued("z/1", 0, lock(staging), runs("a02"))}, queued("x/3", 0, lock(staging)),
			"y/1, z/1 hold the lock staging (limit 2)"},
		"a lock on every agent with a free slot": {[]*state.Agent{agent("a", 2), agent("b", 1)}, []*state.Build{queued("y/1", 0, lock(port), runs("a")), queued("z/1", 0, runs("b"))}, queued("x/3", 0, lock(port)),
			"y/1 holds the lock port on a"},
	} {
		t.Run(name, func(t *testing.T) {
			b := board(c.agents, append(c.others, c.build)...)
			if got := b.Why(c.build.ID); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
	if got := NewBoard().Why("x/1"); got != "" {
		t.Errorf("of a build that it does not know: %q", got)
	}
}

func TestCombinations(t *testing.T) {
	pooled := agent("p", 1, "postgresql 17.0")
	pooled.Pools = []string{"big"}
	agents := map[string]*state.Agent{
		"a": agent("a", 1, "postgresql 16.2", "postgresql 9.6", "python 3.11"), "b": agent("b", 1, "postgresql 15.4", "python 3.12", "odd x", "odd"), "p": pooled,
	}
	for name, c := range map[string]struct {
		entries []string
		pool    string
		want    string
	}{
		"nothing":            {nil, "", "[]"},
		"one":                {[]string{"postgresql"}, "", `[postgresql == "9.6"] [postgresql == "15.4"] [postgresql == "16.2"]`},
		"those that fit":     {[]string{"postgresql >= 15 < 16"}, "", `[postgresql == "15.4"]`},
		"what one offers":    {[]string{"postgresql >= 14", "python"}, "", `[postgresql == "15.4" python == "3.12"] [postgresql == "16.2" python == "3.11"]`},
		"nobody offers it":   {[]string{"mysql >= 8"}, "", `[mysql >= 8]`},
		"of its pool":        {[]string{"postgresql"}, "big", `[postgresql == "17.0"]`},
		"what has no number": {[]string{"odd"}, "", `[odd == "x"]`},
	} {
		var got []string
		for _, pins := range Combinations(c.entries, c.pool, agents) {
			got = append(got, "["+strings.Join(pins, " ")+"]")
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: got %s, want %s", name, s, c.want)
		}
	}
}
