package assign

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/master/state"
)

func TestOfferMeets(t *testing.T) {
	offers := NewOffer(
		[]string{"docker", "postgresql 15.4 port=5433", "postgresql 9.6", "go 1.26.1 /usr/bin/go", "oddity latest", "", "  spaced   2.0 "},
		[]string{"cloud/process 0.1.0", "dns/hosts"},
	)
	for requirement, want := range map[string]bool{
		"docker": true, "postgresql": true, "mysql": false, "oddity": true, "spaced": true, "port=5433": false,
		"postgresql >= 14": true, "postgresql >= 16": false, "postgresql = 15.4": true, "postgresql < 10": true, "postgresql >= 10, < 15": false,
		"postgresql >= 14, < 17": true, "postgresql >= 14 < 17": true, "postgresql>=14,<17": true, "postgresql>=14 <17": true, "postgresql >= 14 < 15": false, "postgresql >= 16 < 17": false,
		"postgresql ~> 15.0": true, "postgresql != 15.4": true, "go >= 1.26": true, "go >= 1.27": false,
		"docker >= 1":          false, // it offers docker, nobody knows which
		"oddity >= 1":          false,
		"spaced >= 2":          true,
		"plugin:cloud/process": true, "plugin:dns/hosts": true, "plugin:dns/rfc2136": false, "plugin:": false, "cloud/process": false,
		"": false, ">= 14": false, "postgresql >=": false, "postgresql >= x": false,
	} {
		if got := offers.meets(requirement); got != want {
			t.Errorf("%q is met: %v, want %v", requirement, got, want)
		}
	}
	if lack := offers.missing([]string{"docker", "mysql", "php"}); lack != "mysql" {
		t.Errorf("the first it lacks is %q", lack)
	}
	if lack := (Offer{}).missing(nil); lack != "" {
		t.Errorf("what requires nothing lacks %q", lack)
	}
}

func build(n int, requires ...string) *state.Build {
	return &state.Build{ID: fmt.Sprint(n), Number: int64(n), Requires: requires}
}

func worker(name string, free int, capabilities ...string) Worker {
	return Worker{Name: name, Free: free, Offers: NewOffer(capabilities, nil)}
}

func TestMatch(t *testing.T) {
	for name, c := range map[string]struct {
		queue   []*state.Build
		workers []Worker
		want    string
	}{
		"nothing to do":            {nil, []Worker{worker("a", 1)}, ""},
		"nobody there":             {[]*state.Build{build(1)}, nil, ""},
		"one for one":              {[]*state.Build{build(1)}, []Worker{worker("a", 1)}, "1:a"},
		"no slot is free":          {[]*state.Build{build(1)}, []Worker{worker("a", 0)}, ""},
		"more in hand than slots":  {[]*state.Build{build(1)}, []Worker{worker("a", -3), worker("b", 1)}, "1:b"},
		"the queue's order":        {[]*state.Build{build(2), build(1)}, []Worker{worker("a", 1)}, "2:a"},
		"the most free slots":      {[]*state.Build{build(1)}, []Worker{worker("a", 1), worker("b", 3), worker("c", 2)}, "1:b"},
		"evenly":                   {[]*state.Build{build(1), build(2), build(3), build(4)}, []Worker{worker("a", 2), worker("b", 2)}, "1:a 2:b 3:a 4:b"},
		"who has what it requires": {[]*state.Build{build(1, "docker")}, []Worker{worker("a", 9), worker("b", 1, "docker")}, "1:b"},
		"a blocked one blocks nobody": {
			[]*state.Build{build(1, "mainframe"), build(2), build(3, "docker")},
			[]Worker{worker("a", 1), worker("b", 1, "docker")}, "2:a 3:b"},
		"all it requires, of one": {
			[]*state.Build{build(1, "docker", "go >= 1.26")},
			[]Worker{worker("a", 1, "docker"), worker("b", 1, "go 1.26"), worker("c", 1, "go 1.26.2", "docker")}, "1:c"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, a := range Match(c.queue, c.workers) {
				got = append(got, a.Build.ID+":"+a.Agent)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
		})
	}
}

func TestWhy(t *testing.T) {
	var many []Worker
	for i := range 20 {
		many = append(many, worker(fmt.Sprintf("a%02d", i), 1))
	}
	for name, c := range map[string]struct {
		build   *state.Build
		workers []Worker
		want    string
	}{
		"nobody is there": {build(1), nil, "no agent is connected; start one with `wright agent run`"},
		"all are busy":    {build(1, "docker"), []Worker{worker("a", 0), worker("b", 0, "docker")}, "every agent that could take it is busy"},
		"nobody can": {
			build(1, "docker", "plugin:dns/hosts"), []Worker{worker("a", 1), worker("b", 0, "docker")},
			"no agent offers what it requires: a lacks docker, b lacks dns/hosts"},
		"many cannot": {
			build(1, "docker >= 20"), many,
			"no agent offers what it requires: a00 lacks docker >= 20, a01 lacks docker >= 20, a02 lacks docker >= 20, a03 lacks docker >= 20, a04 lacks docker >= 20"},
	} {
		if got := Why(c.build, c.workers); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Whatever the queue and the agents: no agent gets more than it has slots for
// or lacks what it was given, no build is given twice, the queue's order is
// kept, and nothing waits that could go.
func TestMatchProperties(t *testing.T) {
	all := []string{"docker", "go", "plugin:cloud/process"}
	rapid.Check(t, func(t *rapid.T) {
		var queue []*state.Build
		for n := range rapid.IntRange(0, 30).Draw(t, "builds") {
			queue = append(queue, build(n, rapid.SliceOfN(rapid.SampledFrom(all), 0, 2).Draw(t, "requires")...))
		}
		var workers []Worker
		slots := map[string]int{}
		for n := range rapid.IntRange(0, 6).Draw(t, "workers") {
			has := rapid.SliceOfN(rapid.SampledFrom(all), 0, 3).Draw(t, "offers")
			w := Worker{Name: fmt.Sprint("w", n), Free: rapid.IntRange(-2, 5).Draw(t, "free")}
			if i := slices.Index(has, all[2]); i >= 0 {
				w.Offers = NewOffer(has, []string{"cloud/process 1"})
			} else {
				w.Offers = NewOffer(has, nil)
			}
			workers, slots[w.Name] = append(workers, w), max(w.Free, 0)
		}
		offers := map[string]Offer{}
		for _, w := range workers {
			offers[w.Name] = w.Offers
		}
		last := int64(-1)
		given := map[string]bool{}
		for _, a := range Match(queue, workers) {
			if slots[a.Agent]--; slots[a.Agent] < 0 {
				t.Fatalf("%s got more than it has room for", a.Agent)
			}
			if lack := offers[a.Agent].missing(a.Build.Requires); lack != "" {
				t.Fatalf("%s got build %s and lacks %s", a.Agent, a.Build.ID, lack)
			}
			if a.Build.Number <= last {
				t.Fatalf("build %d was given after build %d", a.Build.Number, last)
			}
			last, given[a.Build.ID] = a.Build.Number, true
		}
		for _, b := range queue {
			for name, free := range slots {
				if !given[b.ID] && free > 0 && offers[name].missing(b.Requires) == "" {
					t.Fatalf("build %s waits, and %s has %d slots free", b.ID, name, free)
				}
			}
		}
	})
}
