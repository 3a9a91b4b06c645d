package api

import (
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/assign"
	"github.com/wright-build/wright/master/state"
)

// Queue knows why builds wait.
type Queue interface {
	// Why says in one sentence what a queued build waits for; "": nothing.
	Why(build string) string
	// Idle says in one sentence of each agent that is not drained why it does not
	// build more; "": it is about to.
	Idle() map[string]string
}

// View shows builds, and of those that are queued why they wait.
func (q Queries) View(builds ...*state.Build) []view.Build {
	all := make([]view.Build, len(builds))
	queue := q.queue
	for i, b := range builds {
		all[i] = view.OfBuild(b)
		all[i].Expired = b.State.Final() && q.logs != nil && q.logs.Expired(b.Instance, b.ID)
		if b.State != state.Queued {
			continue
		}
		if queue == nil {
			q.store.Read(func(f *state.Facts) { queue = assign.Of(f) })
		}
		all[i].Waiting = queue.Why(b.ID)
	}
	return all
}
