package master

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/master/dispatch"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// leaderHeader is where a master that does not lead names the one that does.
const leaderHeader = "wright-leader"

// hands answers agents for whoever leads: the dispatcher of this master's term,
// or by where the leader is.
type hands struct {
	agentv1.UnimplementedAgentsServer
	elsewhere func() string // address of the leader; "": nobody leads

	mu   sync.RWMutex // guards all below
	now  *dispatch.Dispatcher
	over <-chan struct{} // closed with the term
}

func (h *hands) lead(ctx context.Context, d *dispatch.Dispatcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now, h.over = d, ctx.Done()
}

func (h *hands) follow() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now, h.over = nil, nil
}

// leading is the dispatcher of the term, or the error that sends the agent away.
func (h *hands) leading(ctx context.Context) (*dispatch.Dispatcher, <-chan struct{}, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.now != nil {
		return h.now, h.over, nil
	}
	leader := h.elsewhere()
	if leader == "" {
		return nil, nil, status.Error(codes.Unavailable, "no master leads at the moment")
	}
	if err := grpc.SetTrailer(ctx, metadata.Pairs(leaderHeader, leader)); err != nil {
		return nil, nil, err
	}
	return nil, nil, status.Error(codes.Unavailable, "the master at "+leader+" leads")
}

// within runs a conversation, and leaves it when the term ends: what was heard
// after that would be refused.
func (h *hands) within(ctx context.Context, converse func(*dispatch.Dispatcher) error) error {
	d, over, err := h.leading(ctx)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- converse(d) }() // ends with the stream, that is when this returns
	select {
	case err := <-ended:
		return err
	case <-over:
		return status.Error(codes.Unavailable, "this master leads no more")
	}
}

func (h *hands) Session(s grpc.BidiStreamingServer[agentv1.FromAgent, agentv1.FromMaster]) error {
	return h.within(s.Context(), func(d *dispatch.Dispatcher) error { return d.Session(s) })
}

func (h *hands) Logs(s grpc.BidiStreamingServer[agentv1.LogChunk, agentv1.LogAck]) error {
	return h.within(s.Context(), func(d *dispatch.Dispatcher) error { return d.Logs(s) })
}

func (h *hands) KeepArtifact(s grpc.ClientStreamingServer[agentv1.ArtifactChunk, agentv1.ArtifactVerdict]) error {
	return h.within(s.Context(), func(d *dispatch.Dispatcher) error { return d.KeepArtifact(s) })
}

func (h *hands) ReportWatches(ctx context.Context, r *agentv1.WatchReport) (*agentv1.WatchVerdict, error) {
	d, _, err := h.leading(ctx)
	if err != nil {
		return nil, err
	}
	return d.ReportWatches(ctx, r)
}

func (h *hands) ReportTests(ctx context.Context, r *agentv1.TestReport) (*agentv1.TestVerdict, error) {
	d, _, err := h.leading(ctx)
	if err != nil {
		return nil, err
	}
	return d.ReportTests(ctx, r)
}
