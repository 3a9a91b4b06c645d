package dispatch_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/wright-build/wright/master/dispatch"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// house is a dispatcher that runs over a real store, and agents' way to it.
type house struct {
	testing.TB
	store  *store.Store
	output *logs.Logs
	d      *dispatch.Dispatcher
	conn   *grpc.ClientConn
	done   chan string // what operations were said to be done: "ID: error"
	close  func()
}

// open starts everything; the lease is that of the agents.
func open(t testing.TB, lease time.Duration) *house {
	t.Helper()
	h := &house{TB: t, store: storetest.Embedded(t), done: make(chan string, 100)}
	var err error
	if h.output, err = logs.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.output.Close() })
	h.d = dispatch.New(dispatch.Config{
		Store: h.store, Output: h.output, Operations: h, Refused: t.TempDir(), Installation: "inst", Lease: lease,
		Log: slog.New(slog.DiscardHandler),
	})
	wire := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.MaxRecvMsgSize(8 << 20))
	h.d.Register(server)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = h.d.Run(ctx) })
	all.Go(func() { _ = server.Serve(wire) })
	h.conn, err = grpc.NewClient("passthrough:///master", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return wire.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	h.close = sync.OnceFunc(func() {
		_ = h.conn.Close()
		server.Stop()
		cancel()
		all.Wait()
	})
	t.Cleanup(h.close)
	return h
}

// Done makes the house what is told of operations.
func (h *house) Done(_ context.Context, appserver, operation, why string) error {
	h.done <- appserver + " " + operation + ": " + why
	return nil
}

func (h *house) api() agentv1.AgentsClient { return agentv1.NewAgentsClient(h.conn) }

// put writes facts.
func (h *house) put(writes ...state.Write) {
	h.Helper()
	if err := h.store.CommitSeen(h.Context(), writes...); err != nil {
		h.Fatal(err)
	}
}

// change writes a fact again, however often somebody is faster.
func (h *house) change(write func(f *state.Facts) state.Write) {
	h.Helper()
	for range 100 {
		var w state.Write
		h.store.Read(func(f *state.Facts) { w = write(f) })
		if h.store.CommitSeen(h.Context(), w) == nil {
			return
		}
		if err := h.store.CatchUp(h.Context()); err != nil {
			h.Fatal(err)
		}
	}
	h.Fatal("a fact could not be changed")
}

// until waits for the facts to be so.
func (h *house) until(what string, holds func(f *state.Facts) bool) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), patience)
	defer cancel()
	if err := h.store.Await(ctx, holds); err != nil {
		h.Fatalf("waited in vain until %s", what)
	}
}

// build is a live build or, when it has ended, the finished one.
func (h *house) build(id string) *state.Build {
	h.Helper()
	parsed, err := state.ParseBuildID(id)
	if err != nil {
		h.Fatal(err)
	}
	b, err := h.store.Build(h.Context(), parsed)
	if err != nil {
		h.Fatal(err)
	}
	return b
}

const plain = "[[step]]\nname = \"test\"\nrun = \"true\"\n"

// manifest puts an instance in force.
func (h *house) manifest(instance, text string) {
	h.Helper()
	h.put((&state.InForce{Instance: instance, File: instance + ".toml", Text: []byte(text)}).Put())
	h.until("the manifest is in force", func(f *state.Facts) bool { return f.Manifests[instance] != nil })
}

// queue requests build number n of an instance.
func (h *house) queue(instance string, n int64) string {
	h.Helper()
	b := queued(instance, n)
	h.put(b.Put())
	return b.ID
}

func queued(instance string, n int64) *state.Build {
	return &state.Build{
		ID: state.BuildID{Instance: instance, Number: n}.String(), Instance: instance, Number: n, State: state.Queued, Attempt: 1,
		QueuedAt: time.Unix(n, 0).UTC(), Reason: state.Reason{Kind: "person", Text: "please"},
	}
}

// agent is a scripted one: what the master sent it lies there by kind.
type agent struct {
	h          *house
	name       string
	stream     grpc.BidiStreamingClient[agentv1.FromAgent, agentv1.FromMaster]
	welcome    chan *agentv1.Welcome
	works      chan *agentv1.Work
	cancels    chan *agentv1.Cancel
	acks       chan *agentv1.Ack
	settled    chan *agentv1.Settled
	operations chan *agentv1.Operation
	reaps      chan *agentv1.Reap
	redeliver  chan *agentv1.Redeliver
	ended      chan struct{} // closed when the stream has ended
	err        error         // of the stream, once ended
	leave      func()        // breaks the connection without a word
}

// connect starts a session that has been welcomed.
func (h *house) connect(name string, slots int32, holds ...*agentv1.Update) *agent {
	h.Helper()
	a := h.dial(name)
	a.say(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: &agentv1.Hello{Name: name, Slots: slots, Builds: holds}}})
	take(a, a.welcome)
	return a
}

func (h *house) dial(name string) *agent {
	h.Helper()
	ctx, cancel := context.WithCancel(h.Context())
	stream, err := h.api().Session(ctx)
	if err != nil {
		h.Fatal(err)
	}
	a := &agent{
		h: h, name: name, stream: stream, welcome: make(chan *agentv1.Welcome, 1), works: make(chan *agentv1.Work, 1000),
		cancels: make(chan *agentv1.Cancel, 1000), acks: make(chan *agentv1.Ack, 1000), settled: make(chan *agentv1.Settled, 1000),
		operations: make(chan *agentv1.Operation, 1000), reaps: make(chan *agentv1.Reap, 1000), redeliver: make(chan *agentv1.Redeliver, 1000), ended: make(chan struct{}),
	}
	a.leave = func() { cancel(); <-a.ended }
	go a.listen()
	h.Cleanup(a.leave)
	return a
}

func (a *agent) listen() {
	defer close(a.ended)
	for {
		m, err := a.stream.Recv()
		if err != nil {
			a.err = err
			return
		}
		switch m := m.GetMessage().(type) {
		case *agentv1.FromMaster_Welcome:
			a.welcome <- m.Welcome
		case *agentv1.FromMaster_Work:
			a.works <- m.Work
		case *agentv1.FromMaster_Cancel:
			a.cancels <- m.Cancel
		case *agentv1.FromMaster_Acks:
			for _, ack := range m.Acks.GetAcks() {
				a.acks <- ack
			}
		case *agentv1.FromMaster_Settled:
			a.settled <- m.Settled
		case *agentv1.FromMaster_Operation:
			a.operations <- m.Operation
		case *agentv1.FromMaster_Reap:
			a.reaps <- m.Reap
		case *agentv1.FromMaster_Redeliver:
			a.redeliver <- m.Redeliver
		}
	}
}

// take is the next message of a kind.
func take[T any](a *agent, from chan T) T {
	a.h.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	var m T
	select {
	case m = <-from:
	case <-timeout.C:
		a.h.Fatalf("agent %s waited in vain for a %T", a.name, m)
	case <-a.ended:
		select {
		case m = <-from:
		default:
			a.h.Fatalf("agent %s lost its session while it waited for a %T: %v", a.name, m, a.err)
		}
	}
	return m
}

// refused waits for the session to end and returns why.
func (a *agent) refused() error {
	a.h.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-a.ended:
	case <-timeout.C:
		a.h.Fatalf("the session of agent %s goes on", a.name)
	}
	return a.err
}

func (a *agent) say(m *agentv1.FromAgent) {
	a.h.Helper()
	if err := a.stream.Send(m); err != nil {
		a.h.Fatalf("agent %s cannot speak: %v", a.name, err)
	}
}

func (a *agent) update(updates ...*agentv1.Update) {
	a.h.Helper()
	a.say(&agentv1.FromAgent{Message: &agentv1.FromAgent_Updates{Updates: &agentv1.Updates{Updates: updates}}})
}

// tell says an update and waits for its acknowledgement.
func (a *agent) tell(u *agentv1.Update) {
	a.h.Helper()
	a.update(u)
	ack := take(a, a.acks)
	if ack.GetBuild() != u.GetBuild() || ack.GetAttempt() != u.GetAttempt() || ack.GetVersion() != u.GetVersion() {
		a.h.Fatalf("said %v, and %v was acknowledged", u, ack)
	}
}

func (a *agent) heartbeat() {
	a.h.Helper()
	a.say(&agentv1.FromAgent{Message: &agentv1.FromAgent_Heartbeat{Heartbeat: &agentv1.Heartbeat{}}})
}

// nothingElse fails if the master has sent something that was not taken. What
// it sends comes in order, so the answer to a last word comes after all.
func (a *agent) nothingElse() {
	a.h.Helper()
	nobody := fmt.Sprintf("nobody-%d", time.Now().UnixNano())
	a.update(&agentv1.Update{Build: nobody, Attempt: 1, Version: 1, State: agentv1.State_STATE_RUNNING})
	for c := take(a, a.cancels); c.GetBuild() != nobody; c = take(a, a.cancels) {
		a.h.Errorf("agent %s was sent %v", a.name, c)
	}
	for name, n := range map[string]int{
		"works": len(a.works), "acks": len(a.acks), "settled": len(a.settled), "operations": len(a.operations),
	} {
		if n > 0 {
			a.h.Errorf("agent %s was sent %d %s that nobody expected", a.name, n, name)
		}
	}
}

// word is an update of an attempt.
func word(w *agentv1.Work, version int64, s agentv1.State) *agentv1.Update {
	return &agentv1.Update{Build: w.GetBuild(), Attempt: w.GetAttempt(), Version: version, State: s}
}

const (
	running   = agentv1.State_STATE_RUNNING
	succeeded = agentv1.State_STATE_SUCCEEDED
	failed    = agentv1.State_STATE_FAILED
	cancelled = agentv1.State_STATE_CANCELLED
	errored   = agentv1.State_STATE_ERRORED
)
