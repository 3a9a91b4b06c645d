package api

import (
	"slices"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/assign"
	"github.com/wright-build/wright/master/state"
)

// View shows builds, and of those that are queued why they wait.
func (q Queries) View(builds ...*state.Build) []view.Build {
	all := make([]view.Build, len(builds))
	waits := false
	for i, b := range builds {
		all[i] = view.OfBuild(b)
		waits = waits || b.State == state.Queued
	}
	if !waits {
		return all
	}
	agents, workers := q.workers()
	for i, b := range builds {
		if b.State == state.Queued {
			all[i].Waiting = waiting(b, agents, workers)
		}
	}
	return all
}

// workers are those that may take builds, and how many agents there are.
func (q Queries) workers() (agents int, workers []assign.Worker) {
	q.store.Read(func(f *state.Facts) { agents, workers = len(f.Agents), assign.Workers(f) })
	return agents, workers
}

func waiting(b *state.Build, agents int, workers []assign.Worker) string {
	if agents > 0 && len(workers) == 0 {
		return "every agent is drained; `wright agent drain --undo NAME` gives one work again"
	}
	if len(assign.Match([]*state.Build{b}, slices.Clone(workers))) > 0 {
		return "" // it is handed out at this moment
	}
	return assign.Why(b, workers)
}
