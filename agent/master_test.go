package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// master is a scripted one, over the real wire. It welcomes agents and keeps
// output by a master's rules; the test says all else. It can be stopped and
// started again on the same port: what it keeps is its disk.
type master struct {
	agentv1.UnimplementedAgentsServer
	t        *testing.T
	address  string
	lease    time.Duration // agents beat three times in it
	sessions chan *session

	mu      sync.Mutex // guards all below
	server  *grpc.Server
	served  chan error
	deaf    bool  // acknowledges no updates
	stuck   bool  // takes in no output
	refuses error // of every call
	output  map[string]*part
	reports []*agentv1.WatchReport
	verdict *agentv1.WatchVerdict
}

// part is the output of one part; its key is "build.attempt name".
type part struct {
	data  []byte
	ended bool
}

// session is one connection of an agent, after its Hello.
type session struct {
	t      *testing.T
	hello  *agentv1.Hello
	said   chan *agentv1.FromAgent // closed with the stream
	ended  chan struct{}
	cancel context.CancelFunc

	heard    []*agentv1.Update // not yet looked at by until
	versions map[string]int64  // by build

	mu     sync.Mutex // held while sending
	stream grpc.BidiStreamingServer[agentv1.FromAgent, agentv1.FromMaster]
}

func newMaster(t *testing.T) *master {
	t.Helper()
	m := &master{
		t: t, address: "127.0.0.1:0", lease: time.Minute, sessions: make(chan *session, 100), output: map[string]*part{},
		verdict: &agentv1.WatchVerdict{Accepted: true},
	}
	m.start()
	t.Cleanup(m.stop)
	return m
}

func (m *master) start() {
	m.t.Helper()
	listener, err := net.Listen("tcp", m.address)
	if err != nil {
		m.t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.address = listener.Addr().String()
	server, served := grpc.NewServer(grpc.StreamInterceptor(m.admit)), make(chan error, 1)
	m.server, m.served = server, served
	agentv1.RegisterAgentsServer(server, m)
	go func() { served <- server.Serve(listener) }()
}

// stop is a master's death: all connections break.
func (m *master) stop() {
	m.mu.Lock()
	server, served := m.server, m.served
	m.server = nil
	m.mu.Unlock()
	if server == nil {
		return
	}
	server.Stop()
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // it may not have served yet
		m.t.Error(err)
	}
}

func (m *master) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *master) admit(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	m.mu.Lock()
	refuses := m.refuses
	m.mu.Unlock()
	if refuses != nil {
		return refuses
	}
	return handle(srv, s)
}

// Session welcomes an agent and hands what it says to the test.
func (m *master) Session(stream grpc.BidiStreamingServer[agentv1.FromAgent, agentv1.FromMaster]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	s := &session{
		t: m.t, hello: first.GetHello(), stream: stream, cancel: cancel,
		said: make(chan *agentv1.FromAgent, 10000), ended: make(chan struct{}), versions: map[string]int64{},
	}
	if s.hello == nil {
		m.t.Errorf("the agent begins with %v", first)
	}
	s.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Welcome{Welcome: &agentv1.Welcome{
		Installation: "test", Lease: durationpb.New(m.lease),
	}}})
	m.ack(s, s.hello.GetBuilds())
	m.sessions <- s
	heard := make(chan error, 1)
	go func() { heard <- m.hear(s) }()
	select {
	case err = <-heard:
	case <-ctx.Done(): // cut by the test
		err = status.Error(codes.Unavailable, "cut")
	}
	close(s.ended)
	return err
}

func (m *master) hear(s *session) error {
	defer close(s.said)
	for {
		said, err := s.stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		m.ack(s, said.GetUpdates().GetUpdates())
		s.said <- said
	}
}

func (m *master) ack(s *session, updates []*agentv1.Update) {
	m.mu.Lock()
	deaf := m.deaf
	m.mu.Unlock()
	if deaf || len(updates) == 0 {
		return
	}
	acks := &agentv1.Acks{}
	for _, u := range updates {
		acks.Acks = append(acks.Acks, &agentv1.Ack{Build: u.GetBuild(), Attempt: u.GetAttempt(), Version: u.GetVersion()})
	}
	s.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Acks{Acks: acks}})
}

// Logs keeps output.
func (m *master) Logs(stream grpc.BidiStreamingServer[agentv1.LogChunk, agentv1.LogAck]) error {
	for {
		c, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		ack := m.keep(c)
		if ack == nil {
			return status.Error(codes.Unavailable, "no room on the disk")
		}
		if err := stream.Send(ack); err != nil {
			return err
		}
	}
}

func (m *master) keep(c *agentv1.LogChunk) *agentv1.LogAck {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stuck {
		return nil
	}
	key := fmt.Sprintf("%s.%d %s", c.GetBuild(), c.GetAttempt(), c.GetName())
	p := m.output[key]
	if p == nil {
		p = &part{}
		m.output[key] = p
	}
	ack := &agentv1.LogAck{Build: c.GetBuild(), Attempt: c.GetAttempt(), Part: c.GetPart()}
	size, after := int64(len(p.data)), c.GetOffset()+int64(len(c.GetData()))
	switch {
	case c.GetOffset() > size:
		ack.Rewind = true
	case p.ended && after > size:
		m.t.Errorf("%s goes on after its end", key)
		ack.Ended = true
	default:
		p.data = append(p.data, c.GetData()[min(size-c.GetOffset(), int64(len(c.GetData()))):]...)
		p.ended = p.ended || c.GetEnd()
		ack.Ended = c.GetEnd()
	}
	ack.Size = int64(len(p.data))
	return ack
}

// ReportWatches answers as the test says.
func (m *master) ReportWatches(_ context.Context, r *agentv1.WatchReport) (*agentv1.WatchVerdict, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reports = append(m.reports, r)
	return m.verdict, nil
}

// log is what is kept of a part, and whether it is whole.
func (m *master) log(key string) (text string, whole bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.output[key]; p != nil {
		return string(p.data), p.ended
	}
	return "", false
}

// wantLog checks a part that must be whole.
func (m *master) wantLog(key, want string) {
	m.t.Helper()
	if got, whole := m.log(key); got != want || !whole {
		m.t.Errorf("output %q is %.200q, whole %v; want %.200q", key, got, whole, want)
	}
}

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// session waits for the next one.
func (m *master) session() *session {
	m.t.Helper()
	select {
	case s := <-m.sessions:
		return s
	case <-time.After(patience):
		m.t.Fatal("no agent comes")
		return nil
	}
}

func (s *session) send(msg *agentv1.FromMaster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.stream.Send(msg) // a broken session shows elsewhere
}

func (s *session) work(w *agentv1.Work) {
	s.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Work{Work: w}})
}

func (s *session) cancelBuild(w *agentv1.Work, reason string, forget bool) {
	s.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Cancel{
		Cancel: &agentv1.Cancel{Build: w.GetBuild(), Attempt: w.GetAttempt(), Reason: reason, Forget: forget},
	}})
}

// cut ends the session as a connection that breaks does.
func (s *session) cut() {
	s.cancel()
	<-s.ended
}

// next is what the agent says next, nil when the session is over.
func (s *session) next(what string) *agentv1.FromAgent {
	s.t.Helper()
	return s.nextBefore(time.Now().Add(patience), what)
}

func (s *session) nextBefore(deadline time.Time, what string) *agentv1.FromAgent {
	s.t.Helper()
	select {
	case m := <-s.said:
		return m
	case <-time.After(time.Until(deadline)):
		s.t.Fatalf("waited too long for %s\n%s", what, stacks())
		return nil
	}
}

// until waits for an update that is ok; versions must rise on the way.
func (s *session) until(what string, ok func(u *agentv1.Update) bool) *agentv1.Update {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		for len(s.heard) > 0 {
			u := s.heard[0]
			s.heard = s.heard[1:]
			if ok(u) {
				return u
			}
		}
		m := s.nextBefore(deadline, what)
		if m == nil {
			s.t.Fatalf("the session ended before %s", what)
		}
		s.heard = m.GetUpdates().GetUpdates()
		for _, u := range s.heard {
			if u.GetVersion() <= s.versions[u.GetBuild()] {
				s.t.Errorf("%s says version %d after %d", u.GetBuild(), u.GetVersion(), s.versions[u.GetBuild()])
			}
			s.versions[u.GetBuild()] = u.GetVersion()
		}
	}
}

func (s *session) untilFinal() *agentv1.Update {
	s.t.Helper()
	return s.until("the verdict", func(u *agentv1.Update) bool { return u.GetState() >= agentv1.State_STATE_SUCCEEDED })
}

func (s *session) untilPhase(phase string) *agentv1.Update {
	s.t.Helper()
	return s.until(phase, func(u *agentv1.Update) bool {
		return u.GetPhase() == phase && u.GetState() == agentv1.State_STATE_RUNNING
	})
}
