package assign

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// plain is the order of the documentation, written down without any of the
// board's haste: at each assignment everything is worked out anew.
type plain struct {
	agents map[string]*state.Agent
	builds map[string]*state.Build
	served map[string]time.Time
	turn   map[string]int
	turns  int
}

func (p *plain) next(now time.Time) (build, agent string) {
	var fitting []*state.Build
	for _, b := range p.builds {
		if b.State == state.Queued && p.agentFor(b) != "" {
			fitting = append(fitting, b)
		}
	}
	if len(fitting) == 0 {
		return "", ""
	}
	b := slices.MinFunc(fitting, p.order)
	return b.ID, p.agentFor(b)
}

func (p *plain) order(a, b *state.Build) int {
	if a.Instance == b.Instance && classKey(a) == classKey(b) {
		return state.Before(a, b)
	}
	return cmp.Or(p.due(a).Compare(p.due(b)), cmp.Compare(p.turn[a.Instance], p.turn[b.Instance]), cmp.Compare(a.Instance, b.Instance),
		p.head(a).QueuedAt.Compare(p.head(b).QueuedAt), cmp.Compare(a.Number, b.Number))
}

// due is that of the first of the build's line.
func (p *plain) due(b *state.Build) time.Time {
	first := p.head(b)
	at := first.QueuedAt
	if s := p.served[b.Instance]; s.After(at) {
		at = s
	}
	return at.Add(-Ageing * time.Duration(first.Priority))
}

// head is the first of the build's line.
func (p *plain) head(b *state.Build) *state.Build {
	first := b
	for _, o := range p.builds {
		if o.State == state.Queued && o.Instance == b.Instance && classKey(o) == classKey(b) && state.Before(o, first) < 0 {
			first = o
		}
	}
	return first
}

func (p *plain) agentFor(b *state.Build) string {
	if a := p.agentBut(b, b.Avoid); a != "" {
		return a
	}
	return p.agentBut(b, "")
}

func (p *plain) agentBut(b *state.Build, avoid string) string {
	busy, held, own := map[string]int{}, map[lockAt]int{}, 0
	for _, o := range p.builds {
		if o.Agent == "" {
			continue
		}
		busy[o.Agent]++
		for _, l := range o.Where.Locks {
			held[at(l, o.Agent)]++
		}
		if o.Instance == b.Instance {
			own++
		}
	}
	if most := b.Where.Parallel; most > 0 && own >= most {
		return ""
	}
	best, bestLikes, bestRoom := "", 0, 0
	for _, name := range slices.Sorted(maps.Keys(p.agents)) {
		a, c := p.agents[name], newClass("", b)
		o, room := NewOffer(a.Capabilities, a.Plugins, a.Pools), a.Slots-busy[name]
		locked := slices.ContainsFunc(b.Where.Locks, func(l manifests.Lock) bool { return held[at(l, name)] >= l.Limit })
		if name == avoid || room <= 0 || a.Drained || locked || !c.admits(o) {
			continue
		}
		if n := c.likes(o); best == "" || n > bestLikes || n == bestLikes && room > bestRoom {
			best, bestLikes, bestRoom = name, n, room
		}
	}
	return best
}

func (p *plain) give(id, agent string, now time.Time) {
	b := *p.builds[id]
	b.State, b.Agent = state.Assigned, agent
	p.builds[id] = &b
	p.turns++
	p.served[b.Instance], p.turn[b.Instance] = now, p.turns
	p.forget(b.Instance)
}

func (p *plain) end(id string) {
	instance := p.builds[id].Instance
	delete(p.builds, id)
	p.forget(instance)
}

// forget: an instance without builds has no turn to wait for.
func (p *plain) forget(instance string) {
	for _, b := range p.builds {
		if b.Instance == instance {
			return
		}
	}
	delete(p.served, instance)
	delete(p.turn, instance)
}

func anAgent(t *rapid.T, name string) *state.Agent {
	all := []string{"docker", "gpu a100", "pg 14", "pg 16"}
	a := agent(name, rapid.IntRange(1, 4).Draw(t, "slots"), rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 3, rapid.ID).Draw(t, "offers")...)
	if rapid.IntRange(0, 4).Draw(t, "pooled") == 0 {
		a.Pools = []string{"p"}
	}
	a.Drained = rapid.IntRange(0, 5).Draw(t, "drained") == 0
	return a
}

func aBuild(t *rapid.T, n int, now time.Time) *state.Build {
	instance := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "instance")
	b := &state.Build{
		ID: fmt.Sprintf("%s/%d", instance, n), Instance: instance, Number: int64(n), State: state.Queued, QueuedAt: now,
		Requires: rapid.SliceOfN(rapid.SampledFrom([]string{"docker", `gpu == "a100"`, "pg >= 15"}), 0, 1).Draw(t, "requires"),
		Priority: rapid.SampledFrom([]int{0, 0, 0, 1, 5}).Draw(t, "priority"),
	}
	b.Avoid = rapid.SampledFrom([]string{"", "", "", "a"}).Draw(t, "avoid")
	b.Where.Parallel = rapid.SampledFrom([]int{0, 0, 2}).Draw(t, "parallel")
	b.Where.Prefer = rapid.SliceOfN(rapid.Just("docker"), 0, 1).Draw(t, "prefer")
	if rapid.IntRange(0, 3).Draw(t, "locked") == 0 {
		b.Where.Locks = []manifests.Lock{{Name: "l", Limit: rapid.IntRange(1, 2).Draw(t, "limit"), Agent: rapid.Bool().Draw(t, "scope")}}
	}
	if rapid.IntRange(0, 4).Draw(t, "pooled") == 0 {
		b.Where.Pool = "p"
	}
	return b
}

// Whatever comes and goes: the board assigns what the plain order does, and what
// it then says of those that wait is never that nothing holds them up.
func TestBoardKeepsTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &plain{agents: map[string]*state.Agent{}, builds: map[string]*state.Build{}, served: map[string]time.Time{}, turn: map[string]int{}}
		b, now, n := NewBoard(), epoch, 0
		t.Repeat(map[string]func(*rapid.T){
			"agent": func(t *rapid.T) {
				name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "agent")
				p.agents[name] = anAgent(t, name)
				b.SetAgent(name, p.agents[name], true)
			},
			"agent gone": func(t *rapid.T) {
				name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "agent")
				delete(p.agents, name)
				b.SetAgent(name, nil, false)
			},
			"build": func(t *rapid.T) {
				n++
				build := aBuild(t, n, now)
				p.builds[build.ID] = build
				b.Put(build)
			},
			"end": func(t *rapid.T) {
				if len(p.builds) == 0 {
					t.Skip("nothing to end")
				}
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(p.builds))).Draw(t, "id")
				p.end(id)
				b.Drop(id)
			},
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 1200).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				for {
					wantBuild, wantAgent := p.next(now)
					got := b.Next(now, 1)
					if wantBuild == "" && len(got) == 0 {
						break
					}
					if len(got) != 1 || got[0].Build.ID != wantBuild || got[0].Agent != wantAgent {
						t.Fatalf("the board assigns %q, the plain order %s:%s", said(got), wantBuild, wantAgent)
					}
					p.give(wantBuild, wantAgent, now)
					if n%2 == 0 { // the fact comes in
						b.Put(p.builds[wantBuild])
					}
				}
				for id, build := range p.builds {
					if why := b.Why(id); (why == "") != (build.State != state.Queued) {
						t.Fatalf("%s, which is %s, waits because %q", id, build.State, why)
					}
				}
			},
		})
	})
}
