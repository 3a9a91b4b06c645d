// Package assign decides which agent builds what. It is pure: queue and agents
// in, assignments out. It does not know how work reaches an agent.
package assign

import (
	"fmt"
	"strings"

	"github.com/wright-build/wright/master/state"
)

// Worker is an agent with room for work.
type Worker struct {
	Name   string
	Free   int // slots
	Offers Offer
}

// Assignment gives a build to an agent.
type Assignment struct {
	Build *state.Build
	Agent string
}

// Match goes through the queue, the next build first, and gives each to the
// agent with the most free slots among those that offer what it requires. It
// ends when no slot is free. Builds that nobody can take are passed over.
func Match(queue []*state.Build, workers []Worker) []Assignment {
	var out []Assignment
	free := 0
	for _, w := range workers {
		free += max(w.Free, 0)
	}
	for _, b := range queue {
		if free == 0 {
			break
		}
		if best := pick(b, workers); best >= 0 {
			workers[best].Free--
			free--
			out = append(out, Assignment{b, workers[best].Name})
		}
	}
	return out
}

func pick(b *state.Build, workers []Worker) int {
	best := -1
	for i, w := range workers {
		if w.Free > 0 && (best < 0 || w.Free > workers[best].Free) && w.Offers.missing(b.Requires) == "" {
			best = i
		}
	}
	return best
}

// Why says in one sentence why a queued build waits, given all agents (also
// those without a free slot).
func Why(b *state.Build, workers []Worker) string {
	if len(workers) == 0 {
		return "no agent is connected; start one with `wright agent run`"
	}
	var lacks []string
	for _, w := range workers {
		if lack := w.Offers.missing(b.Requires); lack == "" {
			return "every agent that could take it is busy"
		} else if text := fmt.Sprintf("%s lacks %s", w.Name, strings.TrimPrefix(lack, "plugin:")); len(lacks) < 5 {
			lacks = append(lacks, text)
		}
	}
	return "no agent offers what it requires: " + strings.Join(lacks, ", ")
}
