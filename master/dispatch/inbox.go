package dispatch

import (
	"maps"
	"slices"
	"sync"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// inbox keeps the newest word of every attempt until Run takes it in. It is
// bounded by the number of attempts in agents' hands.
type inbox struct {
	wake chan struct{}

	mu      sync.Mutex // guards all below
	updates map[attempt]word
	lost    map[attempt]string // what an agent came back without, and the agent
	moved   map[string]bool    // agents whose session began or ended
}

// attempt names one try of one build.
type attempt struct {
	build  string
	number int32
}

// word is what a session heard of an attempt.
type word struct {
	from   *session
	update *agentv1.Update
}

func newInbox() *inbox {
	return &inbox{wake: make(chan struct{}, 1), updates: map[attempt]word{}, lost: map[attempt]string{}, moved: map[string]bool{}}
}

func (i *inbox) put(from *session, updates []*agentv1.Update) {
	i.mu.Lock()
	for _, u := range updates {
		at := attempt{u.GetBuild(), u.GetAttempt()}
		if old, ok := i.updates[at]; !ok || old.update.GetVersion() <= u.GetVersion() {
			i.updates[at] = word{from, u}
		}
	}
	i.mu.Unlock()
	i.nudge()
}

// take removes and returns up to n words.
func (i *inbox) take(n int) []word {
	i.mu.Lock()
	defer i.mu.Unlock()
	words := make([]word, 0, min(n, len(i.updates)))
	for at, w := range i.updates {
		if len(words) == n {
			i.nudge()
			break
		}
		words = append(words, w)
		delete(i.updates, at)
	}
	return words
}

// lose notes that an agent came back without an attempt it had been given.
func (i *inbox) lose(at attempt, agent string) {
	i.mu.Lock()
	i.lost[at] = agent
	i.mu.Unlock()
	i.nudge()
}

// takeLost removes and returns up to n of what was noted by lose.
func (i *inbox) takeLost(n int) map[attempt]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	lost := map[attempt]string{}
	for at, agent := range i.lost {
		if len(lost) == n {
			i.nudge()
			break
		}
		lost[at] = agent
		delete(i.lost, at)
	}
	return lost
}

// move notes that an agent's session began or ended.
func (i *inbox) move(agent string) {
	i.mu.Lock()
	i.moved[agent] = true
	i.mu.Unlock()
	i.nudge()
}

// takeMoved removes and returns what was noted by move.
func (i *inbox) takeMoved() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	agents := slices.Collect(maps.Keys(i.moved))
	clear(i.moved)
	return agents
}

func (i *inbox) nudge() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}
