package assign

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// crowd is 500 builds of 30 instances over 20 sets of capabilities, for agents
// that can take 40 of them; always the same for the same seed. It returns the
// board after it has given what it can, and all builds.
func crowd(seed uint64) (*Board, map[string]*state.Build) {
	r := rand.New(rand.NewPCG(seed, 1))
	b, builds := NewBoard(), map[string]*state.Build{}
	for n := range 18 { // nobody offers the last two sets
		a := agent(fmt.Sprintf("a%02d", n), 2, "linux", fmt.Sprintf("set%d", n), fmt.Sprintf("set%d", r.IntN(18)))
		a.Drained = n == 17
		b.SetAgent(a.Name, a, true)
	}
	for n := range 500 {
		instance := r.IntN(30)
		build := queued(fmt.Sprintf("i%02d/%d", instance, n+1), r.IntN(3600), requires("linux", fmt.Sprintf("set%d", n%20)), priority(instance%4))
		switch instance % 5 {
		case 1:
			build.Where.Locks = []manifests.Lock{{Name: fmt.Sprint("l", instance%3), Limit: 1 + instance%2}}
		case 2:
			if n%20 < 18 { // of the others it would not be known who is next
				build.Where.Locks = []manifests.Lock{{Name: "port", Limit: 1, Agent: true}}
			}
		case 3:
			build.Where.Parallel = 2
		}
		builds[build.ID] = build
		b.Put(build)
	}
	assigned(b, builds, epoch.Add(time.Hour))
	return b, builds
}

// assigned lets the board give what it can.
func assigned(b *Board, builds map[string]*state.Build, now time.Time) {
	for _, a := range b.Next(now, 1000) {
		taken := *builds[a.Build.ID]
		taken.State, taken.Agent = state.Running, a.Agent
		builds[taken.ID] = &taken
		b.Put(&taken)
	}
}

var (
	someBuild = regexp.MustCompile(`i\d\d/\d+`)
	lacking   = regexp.MustCompile(`(a\d\d) lacks (\w+)`)
)

// Whatever a sentence says a build waits for: once it is so no more, the build
// goes, unless the sentence says that others go before it; and then it goes by and
// by. What runs ends; who lacks something gets it.
func TestWhyIsTrue(t *testing.T) {
	const seed = 7
	_, builds := crowd(seed)
	waiting, kinds := 0, map[string]int{}
	for id, build := range builds {
		if build.Number%4 != 0 && os.Getenv("WRIGHT_TEST_HEAVY") == "" {
			continue // each takes a crowd of its own
		}
		b, builds := crowd(seed)
		if builds[id].State != state.Queued {
			continue
		}
		waiting++
		first := b.Why(id)
		kinds[strings.Join(strings.Fields(someBuild.ReplaceAllString(first, ""))[:4], " ")]++
		now, alone := epoch.Add(time.Hour), !strings.Contains(first, "before it")
		for round := 0; builds[id].State == state.Queued; round++ {
			why := b.Why(id)
			if now = now.Add(time.Second); !free(b, builds, why) || round > len(builds) {
				t.Fatalf("%s: nothing that is so is named in round %d: %q", id, round, why)
			}
			assigned(b, builds, now)
			if alone && builds[id].State == state.Queued {
				t.Errorf("%s still waits when what it waited for is over.\nfirst: %s\nnow:   %s", id, first, b.Why(id))
				break
			}
			alone = !strings.Contains(b.Why(id), "before it")
		}
	}
	if waiting < 100 || len(kinds) < 5 {
		t.Errorf("%d builds wait, for %v", waiting, kinds)
	}
}

// free makes an end of what a sentence names, and says whether any of it was so.
func free(b *Board, builds map[string]*state.Build, why string) (any bool) {
	named := someBuild.FindAllString(why, -1)
	slices.Sort(named)
	for _, id := range slices.Compact(named) {
		build := builds[id]
		if build == nil {
			return false
		}
		any = true
		if build.State == state.Running {
			b.Drop(id)
			delete(builds, id)
		}
	}
	if m := lacking.FindStringSubmatch(why); m != nil {
		have := agent(m[1], 500, "linux", m[2])
		for _, w := range b.known() {
			if _, has := w.kind.offer.capabilities[m[2]]; has && w.name == m[1] {
				return false
			}
		}
		b.SetAgent(have.Name, have, true)
		any = true
	}
	if strings.Contains(why, "drained or away: a17;") {
		b.SetAgent("a17", agent("a17", 500, "linux", "set17"), true)
		any = true
	}
	return any
}
