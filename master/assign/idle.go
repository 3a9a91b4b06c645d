package assign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wright-build/wright/master/state"
)

// Idle says in one sentence of each agent that is not drained why it does not
// build more; "" where it is about to.
func (b *Board) Idle() map[string]string {
	waiting := b.waiting()
	idle := make(map[string]string, len(b.workers))
	kinds := map[*kind]string{}
	for _, w := range b.known() {
		switch {
		case w.drained:
		case w.shut != "":
			idle[w.name] = w.shut
		case !w.open:
			idle[w.name] = "its connection is lost; what it builds is given to others when its lease is over"
		case w.room() <= 0:
			idle[w.name] = "all its slots are full"
		default:
			why, known := kinds[w.kind]
			if !known {
				why = b.idle(w.kind.offer, waiting)
				kinds[w.kind] = why
			}
			idle[w.name] = why
		}
	}
	return idle
}

// backlog is the queued builds of one class.
type backlog struct {
	class *class
	first *state.Build
	count int
	held  string // what the first waits for
}

// waiting lists the queued builds by class, those whose turn is first first.
func (b *Board) waiting() []*backlog {
	heads := map[*class]*line{}
	backlogs := map[*class]*backlog{}
	for _, o := range b.owners {
		for c, l := range o.lines {
			if len(l.queue) == 0 {
				continue
			}
			if backlogs[c] == nil {
				backlogs[c] = &backlog{class: c}
			}
			backlogs[c].count += len(l.queue)
			if heads[c] == nil || l.before(heads[c]) {
				heads[c], backlogs[c].first = l, l.queue[0]
			}
		}
	}
	all := make([]*backlog, 0, len(backlogs))
	for _, c := range backlogs {
		c.held = b.Why(c.first.ID)
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y *backlog) int { return state.Before(x.first, y.first) })
	return all
}

// idle says why an agent with free slots that offers o gets none of the builds
// that wait.
func (b *Board) idle(o Offer, waiting []*backlog) string {
	if len(waiting) == 0 {
		return "no build waits"
	}
	var why []string
	for _, c := range waiting {
		switch {
		case !c.class.admits(o):
			why = append(why, fmt.Sprintf("for %s it %s", c.name(), c.class.objection(o)))
		case c.held == "":
			return "" // until the next round
		default:
			why = append(why, fmt.Sprintf("%s: %s", c.name(), c.held))
		}
	}
	if len(why) > maxReasons {
		why = append(why[:maxReasons], fmt.Sprintf("and %d more kinds of builds", len(why)-maxReasons))
	}
	return strings.Join(why, "; ")
}

// maxReasons bounds how many backlogs of builds a sentence speaks of.
const maxReasons = 3

func (c *backlog) name() string {
	if c.count == 1 {
		return c.first.ID
	}
	return fmt.Sprintf("%s and %d more", c.first.ID, c.count-1)
}
