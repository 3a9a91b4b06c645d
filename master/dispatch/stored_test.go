package dispatch_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// gate is a bucket that takes nothing in before it is opened.
type gate struct {
	asked chan struct{} // gets one when something is put for the first time
	open  chan struct{} // closed: it takes everything
}

func (g *gate) Put(string, io.ReaderAt, int64) error {
	select {
	case g.asked <- struct{}{}:
	default:
	}
	<-g.open
	return nil
}

func (g *gate) Size(string) (int64, error)                        { return 0, fs.ErrNotExist }
func (g *gate) ReadAt(string, []byte, int64) error                { return errors.New("not asked for here") }
func (g *gate) List(string, func(string, int64, time.Time)) error { return nil }
func (g *gate) Directories(string) ([]string, error)              { return nil, nil }
func (g *gate) Remove(string) error                               { return nil }

// TestEndWaitsForTheBucket: an end is acknowledged once what the build wrote is in
// the bucket. The build has ended before that, and others are not held up.
func TestEndWaitsForTheBucket(t *testing.T) {
	h := open(t, 0)
	g := &gate{asked: make(chan struct{}, 1), open: make(chan struct{})}
	h.output.Use(g)
	ctx, stop := context.WithCancel(t.Context())
	var packing sync.WaitGroup
	t.Cleanup(func() { stop(); packing.Wait() })
	packing.Go(func() { _ = h.output.Run(ctx, slog.New(slog.DiscardHandler)) })

	h.manifest("shop", plain)
	a := h.connect("one", 2)
	loud := h.queue("shop", 1)
	work := take(a, a.works)
	a.tell(word(work, 1, running))
	if ack := h.stream()(&agentv1.LogChunk{Build: loud, Attempt: 1, Part: 1, Name: "test", Data: []byte("said\n"), End: true}); ack.GetSize() != 5 {
		t.Fatalf("%v", ack)
	}
	a.update(word(work, 2, succeeded))
	h.until("the build has ended", func(f *state.Facts) bool { return f.Builds[loud] == nil })
	<-g.asked
	a.update(word(work, 2, succeeded)) // an agent that hears nothing says it again
	h.queue("shop", 2)
	other := take(a, a.works)
	a.tell(word(other, 1, running))
	a.tell(word(other, 2, succeeded)) // it wrote nothing
	a.nothingElse()
	close(g.open)
	if ack := take(a, a.acks); ack.GetBuild() != loud || ack.GetVersion() != 2 {
		t.Errorf("%v was acknowledged", ack)
	}
	a.tell(word(work, 2, succeeded)) // said once more
}

// TestOutputIsTakenAgain: the output of a build that has ended is lost before its
// agent has forgotten it. The agent is asked for it, and nobody else may give it.
func TestOutputIsTakenAgain(t *testing.T) {
	h := open(t, 0)
	h.manifest("shop", plain)
	a := h.connect("one", 1)
	id := h.queue("shop", 1)
	work := take(a, a.works)
	a.tell(word(work, 1, running))
	said := &agentv1.LogChunk{Build: id, Attempt: 1, Part: 1, Name: "test", Data: []byte("said\n"), End: true}
	h.stream()(said)
	a.tell(word(work, 2, succeeded))
	if ack := h.stream()(said); !ack.GetRefused() {
		t.Errorf("output of a build that has ended: %v", ack)
	}
	if err := h.output.Remove("shop", id); err != nil {
		t.Fatal(err)
	}
	end := word(work, 2, succeeded)
	end.Output = map[int32]int64{1: 5}
	other := h.connect("other", 1)
	other.tell(end) // it is not asked
	if ack := h.stream()(said); !ack.GetRefused() {
		t.Errorf("output that nobody was asked for: %v", ack)
	}
	for range 2 {
		a.update(end)
		if r := take(a, a.redeliver); r.GetBuild() != id || r.GetAttempt() != 1 {
			t.Fatalf("asked for %v", r)
		}
	}
	if ack := h.stream()(said); ack.GetRefused() || ack.GetSize() != 5 {
		t.Fatalf("output that was asked for: %v", ack)
	}
	a.tell(end)
	if n := h.output.Standing(logs.Attempt{Instance: "shop", Build: id, Attempt: 1}); n != logs.Kept {
		t.Errorf("it stands at %d", n)
	}
	if ack := h.stream()(said); !ack.GetRefused() {
		t.Errorf("output after that: %v", ack)
	}
}

// TestEndWithoutItsOutputWaits: an end is not taken in while output is lacking that
// another master has acknowledged; the agent is asked for it first.
func TestEndWithoutItsOutputWaits(t *testing.T) {
	h := open(t, 0)
	h.manifest("shop", plain)
	a := h.connect("one", 1)
	id := h.queue("shop", 1)
	work := take(a, a.works)
	a.tell(word(work, 1, running))
	end := word(work, 2, succeeded)
	end.Output = map[int32]int64{1: 5}
	a.update(end)
	if r := take(a, a.redeliver); r.GetBuild() != id || r.GetAttempt() != 1 {
		t.Fatalf("asked for %v", r)
	}
	if b := h.build(id); b.State != state.Running {
		t.Errorf("meanwhile the build is %+v", b)
	}
	ack := h.stream()(&agentv1.LogChunk{Build: id, Attempt: 1, Part: 1, Name: "test", Data: []byte("said\n"), End: true})
	if ack.GetSize() != 5 {
		t.Fatalf("the output is answered with %v", ack)
	}
	a.tell(end)
	h.until("it has ended", func(f *state.Facts) bool { return f.Builds[id] == nil })
}
