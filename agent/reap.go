package agent

import (
	"context"
	"slices"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// piece is how many holdings one message takes: each is of a few KiB at most,
// and a message of 4 MiB.
const piece = 200

// reap answers what a provider holds, or ends some of it.
func (a *Agent) reap(ctx context.Context, r *agentv1.Reap) {
	var all []*agentv1.Holding
	k, err := a.keeper.wait(ctx)
	if err == nil {
		all, err = k.Reap(ctx, r)
	}
	if ctx.Err() != nil {
		return // the master asks again
	}
	// gofail: var holdingsUntold struct{}
	last := &agentv1.Holdings{Reap: r.GetId()}
	if err != nil {
		last.Error = err.Error()
		all = nil
	}
	for part := range slices.Chunk(all, piece) {
		a.holdings(&agentv1.Holdings{Reap: r.GetId(), Holdings: part, More: true})
	}
	a.holdings(last)
}

func (a *Agent) holdings(h *agentv1.Holdings) {
	a.link.answer(&agentv1.FromAgent{Message: &agentv1.FromAgent_Holdings{Holdings: h}})
}
