package build

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// hearing is a master that takes in output, also such as was sent while the
// agent stopped, and acknowledges none.
type hearing struct {
	agentv1.AgentsClient
	first chan struct{} // closed with the first chunk
	slow  chan struct{} // what it takes to take in that one
	over  chan struct{} // and to notice that the stream has ended
	n     atomic.Int32
	ended atomic.Bool // some part
}

func (h *hearing) Say(*agentv1.Update) {}

func (h *hearing) Client() agentv1.AgentsClient { return h }

func (h *hearing) Logs(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck], error) {
	return heardChunks{hearing: h}, nil
}

type heardChunks struct {
	grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck]
	hearing *hearing
}

func (s heardChunks) Send(c *agentv1.LogChunk) error {
	if s.hearing.n.Add(1) == 1 {
		close(s.hearing.first)
		<-s.hearing.slow
	}
	if c.GetEnd() {
		s.hearing.ended.Store(true)
	}
	return nil
}

func (s heardChunks) Recv() (*agentv1.LogAck, error) {
	<-s.hearing.over
	return nil, context.Canceled
}

func (heardChunks) CloseSend() error { return nil }

// othersFirst lets all that can go on do so.
func othersFirst() {
	for range 1000 {
		runtime.Gosched()
	}
}

// TestStoppingEndsNoPart: an agent that stops does not say that the output of
// its builds has come to an end: the next process has more of it.
func TestStoppingEndsNoPart(t *testing.T) {
	for range 30 { // who is first is left to chance
		tools, _ := tools(t)
		h := &hearing{first: make(chan struct{}), slow: make(chan struct{}), over: make(chan struct{})}
		tools.Master = h
		a, err := New(tools, filepath.Join(t.TempDir(), "shop-000001.1"), work())
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		d := a.deliver(ctx)
		a.note("fetched")
		<-h.first
		stop()
		othersFirst()
		close(h.slow)
		othersFirst()
		close(h.over)
		d.abandon()
		_ = a.journal.Close()
		if h.ended.Load() {
			t.Fatal("a part was ended")
		}
	}
}

// TestStoppingEndsNoStep: nor that a step has ended, which runs on under the
// supervisor and writes more.
func TestStoppingEndsNoStep(t *testing.T) {
	tools, _ := tools(t)
	tools.Supervisor = supervisor(t)
	file := filepath.Join(t.TempDir(), "pid")
	a, err := New(tools, filepath.Join(t.TempDir(), "shop-000001.1"), work("echo one; echo $$ > "+file+"; sleep 1000"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	pidIn(t, file)
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	h := &hearing{first: make(chan struct{}), slow: make(chan struct{}), over: make(chan struct{})}
	close(h.slow)
	ctx, stop = context.WithCancel(t.Context())
	go func() { done <- a.output.Deliver(ctx, h, make(chan struct{})) }()
	<-h.first
	stop()
	close(h.over)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("delivered: %v", err)
	}
	if h.ended.Load() {
		t.Error("the step is said to have ended")
	}
	id := a.stepID(1)
	if err := tools.Supervisor.Kill(t.Context(), id, "the test is over"); err != nil {
		t.Error(err)
	}
	if _, err := tools.Supervisor.Wait(t.Context(), id); err != nil {
		t.Error(err)
	}
}
