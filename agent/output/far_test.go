package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// fault is what the far side does wrong with one chunk.
type fault int

const (
	none   fault = iota
	cut          // ends the stream before it keeps the chunk
	unsaid       // keeps the chunk and ends the stream instead of acknowledging it
	sever        // keeps the chunk and breaks the connection
	late         // acknowledges it after the next one
	lose         // forgets the second half of what it has, as after a power cut, and ends the stream
	shrink       // forgets it and goes on, so that the next chunk is past what it has
	faults
)

func (f fault) String() string {
	return [...]string{"none", "cut", "unsaid", "sever", "late", "lose", "shrink"}[f]
}

// kept is one part as the far side has it.
type kept struct {
	name  string
	data  []byte
	ended bool
}

// far keeps output by the rules of a master, and does wrong as told.
type far struct {
	agentv1.UnimplementedAgentsServer
	t testing.TB

	mu       sync.Mutex // guards all below
	parts    map[int32]*kept
	script   []fault // what it does with the next chunks
	received int64   // bytes, in chunks of all streams
	refuses  bool
	forgot   bool          // something of what it had acknowledged
	changed  chan struct{} // closed at each chunk
	conns    []net.Conn
}

func newFar(t testing.TB, script ...fault) *far {
	return &far{t: t, parts: map[int32]*kept{}, script: script, changed: make(chan struct{})}
}

// Logs takes in output until it comes to a fault that ends the stream.
func (f *far) Logs(s grpc.BidiStreamingServer[agentv1.LogChunk, agentv1.LogAck]) error {
	var held *agentv1.LogAck
	for {
		c, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		ack, wrong := f.take(c)
		switch wrong {
		case cut, unsaid, lose:
			return status.Error(codes.Unavailable, wrong.String())
		case sever:
			f.sever()
		case late:
			held = ack
			continue
		}
		for _, a := range []*agentv1.LogAck{held, ack} {
			if a == nil {
				continue
			}
			if err := s.Send(a); err != nil {
				return err
			}
		}
		held = nil
	}
}

// take keeps what is new in a chunk and says what is to be done wrong with it.
func (f *far) take(c *agentv1.LogChunk) (*agentv1.LogAck, fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.wake()
	f.received += int64(len(c.GetData()))
	wrong := none
	if len(f.script) > 0 {
		wrong, f.script = f.script[0], f.script[1:]
	}
	ack := &agentv1.LogAck{Build: c.GetBuild(), Attempt: c.GetAttempt(), Part: c.GetPart(), Refused: f.refuses}
	if f.refuses || wrong == cut {
		return ack, wrong
	}
	p := f.parts[c.GetPart()]
	if p == nil {
		p = &kept{name: c.GetName()}
		f.parts[c.GetPart()] = p
	}
	f.keep(p, c, ack)
	if (wrong == lose || wrong == shrink) && !p.ended {
		p.data, f.forgot = p.data[:len(p.data)/2], true
	}
	if wrong == late && c.GetEnd() {
		wrong = none // there may be no next one
	}
	return ack, wrong
}

func (f *far) keep(p *kept, c *agentv1.LogChunk, ack *agentv1.LogAck) {
	size := int64(len(p.data))
	after := c.GetOffset() + int64(len(c.GetData()))
	switch {
	case c.GetOffset() > size:
		ack.Rewind = true
	case p.ended && after > size:
		f.t.Errorf("part %d goes on at %d after it ended with %d bytes", c.GetPart(), c.GetOffset(), size)
		ack.Ended = true
	case c.GetEnd() && after < size:
		f.t.Errorf("part %d ends at %d: there are %d bytes", c.GetPart(), after, size)
	default:
		if old := p.data[c.GetOffset():min(after, size)]; !bytes.Equal(old, c.GetData()[:len(old)]) {
			f.t.Errorf("part %d is another one at %d when it is said again", c.GetPart(), c.GetOffset())
		}
		p.data = append(p.data, c.GetData()[min(size-c.GetOffset(), int64(len(c.GetData()))):]...)
		p.ended = p.ended || c.GetEnd()
		ack.Ended = c.GetEnd()
	}
	ack.Size = int64(len(p.data))
}

func (f *far) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// until waits until ok, which is called with mu held.
func (f *far) until(ctx context.Context, ok func() bool) error {
	for {
		f.mu.Lock()
		fine, changed := ok(), f.changed
		f.mu.Unlock()
		if fine {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("the far side did not come so far: %w", ctx.Err())
		}
	}
}

func (f *far) size(part int32) int {
	if p := f.parts[part]; p != nil {
		return len(p.data)
	}
	return 0
}

func (f *far) sever() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
}

// noting is a listener that lets the far side break its connections.
type noting struct {
	net.Listener
	far *far
}

func (l noting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.far.mu.Lock()
		l.far.conns = append(l.far.conns, c)
		l.far.mu.Unlock()
	}
	return c, err
}

// serve makes the far side reachable until stop is called.
func (f *far) serve() (agentv1.AgentsClient, func()) {
	return serve(f.t, f, func(l net.Listener) net.Listener { return noting{l, f} })
}

func serve(t testing.TB, far agentv1.AgentsServer, wrap func(net.Listener) net.Listener) (agentv1.AgentsClient, func()) {
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	agentv1.RegisterAgentsServer(server, far)
	served := make(chan error, 1)
	go func() { served <- server.Serve(wrap(listener)) }()
	conn, err := grpc.NewClient("passthrough:///far",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	return agentv1.NewAgentsClient(conn), func() {
		_ = conn.Close()
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // who was stopped before it served says so
			t.Error(err)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
