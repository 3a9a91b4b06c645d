package output

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// large makes a part of a size in bytes without writing them.
func large(t *testing.T, o *Output, size int64) {
	t.Helper()
	path := o.Begin(1, "large")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	o.End(1)
}

func isClosed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// TestNothingIsSentTwice: while nothing goes wrong each byte goes over the wire
// once.
func TestNothingIsSentTwice(t *testing.T) {
	f := newFar(t)
	master, stop := f.serve()
	defer stop()
	o := New("shop-1", 1, t.TempDir(), nil, quiet())
	const size = 5*chunkSize + 7
	large(t, o, size)
	if err := o.Deliver(t.Context(), master, isClosed()); err != nil {
		t.Fatal(err)
	}
	if f.received != size || f.size(1) != size {
		t.Errorf("%d bytes were sent, %d kept of %d", f.received, f.size(1), size)
	}
}

// TestFormerAgentSentIt: a restarted agent learns with its first chunk what the
// master has, and goes on from there.
func TestFormerAgentSentIt(t *testing.T) {
	f := newFar(t)
	master, stop := f.serve()
	defer stop()
	const size = 40 * chunkSize
	f.parts[1] = &kept{name: "large", data: make([]byte, size-10)}
	dir := t.TempDir()
	o := New("shop-1", 1, dir, nil, quiet())
	large(t, o, size)
	if err := o.Deliver(t.Context(), master, isClosed()); err != nil {
		t.Fatal(err)
	}
	if f.size(1) != size || !f.parts[1].ended {
		t.Errorf("%d bytes are kept of %d", f.size(1), size)
	}
	if f.received >= size/2 {
		t.Errorf("%d bytes were sent for the 10 that were missing", f.received)
	}
}

// TestRefusedOutputIsNotSent: when nobody wants it Deliver says so, without
// sending all there is first.
func TestRefusedOutputIsNotSent(t *testing.T) {
	f := newFar(t)
	f.refuses = true
	master, stop := f.serve()
	defer stop()
	o := New("shop-1", 1, t.TempDir(), nil, quiet())
	const size = 256 << 20
	large(t, o, size)
	if err := o.Deliver(t.Context(), master, isClosed()); !errors.Is(err, errRefused) {
		t.Fatalf("got %v, want errRefused", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.received > size/4 {
		t.Errorf("%d bytes of refused output were sent", f.received)
	}
}

// TestUnendedParts: a part of a command that could not be started, and one that
// nobody ended, do not keep Deliver from coming to its end.
func TestUnendedParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		f := newFar(t)
		master, stop := f.serve()
		defer stop()
		o := New("shop-1", 1, t.TempDir(), nil, quiet())
		o.Begin(1, "never started")
		if err := os.WriteFile(o.Begin(2, "never ended"), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := o.Deliver(ctx, master, isClosed()); err != nil {
			t.Fatal(err)
		}
		if got := f.parts[2]; got == nil || string(got.data) != "text" || !got.ended || f.parts[1] != nil {
			t.Errorf("kept %v", f.parts)
		}
	})
}

// TestUnreadableOutput is an error that names the file, and no end.
func TestUnreadableOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		f := newFar(t)
		master, stop := f.serve()
		defer stop()
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "part-0001"), 0o700); err != nil {
			t.Fatal(err)
		}
		o := New("shop-1", 1, dir, nil, quiet())
		o.Begin(1, "a directory")
		if err := o.Deliver(ctx, master, isClosed()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// absent is a master that cannot be reached, or holds each connection for a while.
type absent struct {
	holds time.Duration
	calls int
}

func (a *absent) Logs(ctx context.Context, _ ...grpc.CallOption) (grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck], error) {
	a.calls++
	select {
	case <-time.After(a.holds):
		return nil, io.ErrUnexpectedEOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestPauses: a master that is gone is not asked all the time; one that was
// there for a while is asked again soon, however often that happens.
func TestPauses(t *testing.T) {
	for _, c := range []struct {
		name     string
		holds    time.Duration
		low, top int // calls in ten minutes
	}{
		{"gone", 0, 250, 400},
		{"there for 10s", 10 * time.Second, 58, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				o := New("shop-1", 1, t.TempDir(), nil, quiet())
				large(t, o, 1)
				master := &absent{holds: c.holds}
				if err := o.Deliver(ctx, master, isClosed()); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				if master.calls < c.low || master.calls > c.top {
					t.Errorf("%d calls in ten minutes, want %d to %d", master.calls, c.low, c.top)
				}
			})
		})
	}
}

// counting is a far side that keeps nothing but looks at the heap.
type counting struct {
	agentv1.UnimplementedAgentsServer
	size   int64
	chunks int
	peak   uint64
}

func (c *counting) Logs(s grpc.BidiStreamingServer[agentv1.LogChunk, agentv1.LogAck]) error {
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		c.size = m.GetOffset() + int64(len(m.GetData()))
		if c.chunks++; c.chunks%40 == 0 {
			c.peak = max(c.peak, heap())
		}
		ack := &agentv1.LogAck{Build: m.GetBuild(), Attempt: m.GetAttempt(), Part: m.GetPart(), Size: c.size, Ended: m.GetEnd()}
		if err := s.Send(ack); err != nil {
			return err
		}
	}
}

// heap is how many bytes are in use, garbage left out.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemory: how much a build writes does not show in the agent's memory.
func TestMemory(t *testing.T) {
	c := &counting{}
	master, stop := serve(t, c, func(l net.Listener) net.Listener { return l })
	defer stop()
	o := New("shop-1", 1, t.TempDir(), nil, quiet())
	const size = 200 << 20
	large(t, o, size)
	before := heap()
	if err := o.Deliver(t.Context(), master, isClosed()); err != nil {
		t.Fatal(err)
	}
	if c.size != size || c.peak == 0 {
		t.Fatalf("%d bytes came, heap %d", c.size, c.peak)
	}
	grown := int64(c.peak) - int64(before)
	t.Logf("the heap grew by %d KiB", grown>>10)
	if grown > 48*chunkSize { // gRPC and the pipe between hold most of it
		t.Errorf("the heap grew by %d bytes", grown)
	}
}
