package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// told names something that an agent is told once per session: about an attempt
// or, with an operation's ID, about an operation.
type told struct {
	what string
	attempt
}

// session is one connection of one agent.
type session struct {
	name  string
	id    string
	lease int64

	mu   sync.Mutex // guards all below
	out  []*agentv1.FromMaster
	sent map[told]bool // what was told already in this session
	asks map[string]*ask
	more chan struct{}
	gone bool
}

func newSession(name string) *session {
	return &session{name: name, id: rand.Text(), sent: map[told]bool{}, asks: map[string]*ask{}, more: make(chan struct{}, 1)}
}

// Session is the conversation with one agent, until either side ends it.
func (d *Dispatcher) Session(stream grpc.BidiStreamingServer[agentv1.FromAgent, agentv1.FromMaster]) error {
	ctx := stream.Context()
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	hello := first.GetHello()
	if err := checkHello(hello); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	s := newSession(hello.GetName())
	if err := d.enrol(ctx, s, hello); err != nil {
		d.Log.Warn("an agent could not be enrolled", "agent", s.name, "error", err)
		return status.Error(codes.Unavailable, err.Error())
	}
	defer d.leave(s)
	d.Log.Info("agent connected", "agent", s.name, "slots", hello.GetSlots(), "holds", len(hello.GetBuilds()))
	sender := make(chan error, 1)
	go func() { sender <- s.pump(ctx, entrusting{stream, d.Credentials, d.Secrets}) }()
	err = d.hear(ctx, s, stream)
	s.end()
	if sent := <-sender; err == nil && sent != nil && !errors.Is(sent, context.Canceled) {
		err = sent
	}
	d.Log.Info("agent disconnected", "agent", s.name, "error", err)
	return err
}

func checkHello(h *agentv1.Hello) error {
	switch {
	case h == nil:
		return errors.New("the first message must be Hello")
	case !agentName.MatchString(h.GetName()):
		return fmt.Errorf("agent name %q: want 1 to 63 letters, digits, dots, dashes", bounded(h.GetName(), 70))
	case h.GetSlots() < 1 || h.GetSlots() > 10000:
		return fmt.Errorf("agent %s offers %d slots: want 1 to 10000", h.GetName(), h.GetSlots())
	case len(h.GetCapabilities()) > 1000 || len(h.GetPlugins()) > 1000:
		return fmt.Errorf("agent %s offers more than 1000 capabilities or plugins", h.GetName())
	case len(h.GetPools()) > 100 || !allWords(h.GetPools()):
		return fmt.Errorf("agent %s: pools are at most 100 names of letters, digits, dots and dashes", h.GetName())
	}
	return nil
}

func allWords(all []string) bool {
	return !slices.ContainsFunc(all, func(s string) bool { return !manifests.IsWord(s) })
}

var agentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$`)

// enrol writes the agent down under a lease, ends its older session, and
// tells it what waits for it.
func (d *Dispatcher) enrol(ctx context.Context, s *session, h *agentv1.Hello) error {
	lease, err := d.Store.Grant(ctx, d.Lease)
	if err != nil {
		return err
	}
	s.lease = lease
	// gofail: var agentLeaseGranted struct{}
	if err := d.writeAgent(ctx, s, h); err != nil {
		return err
	}
	// gofail: var agentStored struct{}
	s.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Welcome{Welcome: &agentv1.Welcome{
		Installation: d.Installation, Lease: durationpb.New(d.Lease),
	}}})
	d.mu.Lock()
	if old := d.sessions[s.name]; old != nil {
		old.end()
	}
	d.sessions[s.name] = s
	delete(d.parted, s.name)
	d.mu.Unlock()
	d.reconcile(ctx, s, h)
	d.inbox.move(s.name) // it has free slots
	return nil
}

// reconcile compares what the agent holds with what it should hold.
func (d *Dispatcher) reconcile(ctx context.Context, s *session, h *agentv1.Hello) {
	holds := map[attempt]bool{}
	for _, u := range h.GetBuilds() {
		holds[attempt{u.GetBuild(), u.GetAttempt()}] = true
	}
	d.hearOf(s, h.GetBuilds())
	var lost []*state.Build
	d.Store.Read(func(f *state.Facts) { lost = d.catchUp(f, s, holds) })
	for _, b := range lost {
		d.inbox.lose(attempt{b.ID, int32(b.Attempt)}, s.name)
	}
}

func (d *Dispatcher) writeAgent(ctx context.Context, s *session, h *agentv1.Hello) error {
	d.draining.RLock()
	defer d.draining.RUnlock()
	return d.insistAll(ctx, func() ([]state.Write, error) {
		a := state.Agent{
			Name: s.name, Slots: int(h.GetSlots()), Capabilities: h.GetCapabilities(), Plugins: h.GetPlugins(), Pools: h.GetPools(),
			Version: bounded(h.GetVersion(), 100), Draining: h.GetDraining(), Closed: bounded(h.GetClosed(), 200), Reaps: h.GetReaps(), Lease: s.lease, Session: s.id, ConnectedAt: time.Now().UTC(),
		}
		old, standing := d.whereabouts(s.name)
		if old != nil {
			a.Meta, a.Drained = old.Meta, old.Drained
		}
		if standing == nil {
			return []state.Write{a.Put().Under(s.lease)}, nil
		}
		a.Drained = standing.Drained
		back := standing.Back()
		return []state.Write{a.Put().Under(s.lease), back.Put()}, nil
	})
}

// hear takes in what the agent says. An agent that says nothing for the length
// of its lease is disconnected by the lease.
func (d *Dispatcher) hear(ctx context.Context, s *session, stream grpc.BidiStreamingServer[agentv1.FromAgent, agentv1.FromMaster]) error {
	for {
		m, err := stream.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				d.farewell(ctx, s)
				return nil
			}
			return err
		}
		if err := d.heed(ctx, s, m); err != nil {
			return status.Error(codes.Unavailable, err.Error())
		}
	}
}

func (d *Dispatcher) heed(ctx context.Context, s *session, m *agentv1.FromAgent) error {
	if s.ended() {
		return fmt.Errorf("another session of agent %s has taken the place of this one", s.name)
	}
	switch m := m.GetMessage().(type) {
	case *agentv1.FromAgent_Updates:
		d.hearOf(s, m.Updates.GetUpdates())
	case *agentv1.FromAgent_OperationResult:
		r := m.OperationResult
		if r.GetElsewhere() {
			d.Log.Warn("an operation waits for the agent that made the AppServer", "appserver", bounded(r.GetAppserver(), 100), "agent", s.name, "error", bounded(r.GetError(), 500))
			return nil
		}
		return d.Operations.Done(ctx, r.GetAppserver(), r.GetId(), bounded(r.GetError(), 2000))
	case *agentv1.FromAgent_Holdings:
		s.heed(m.Holdings)
	case *agentv1.FromAgent_Heartbeat:
		return d.Store.KeepAlive(ctx, s.lease)
	case *agentv1.FromAgent_Hello:
		if err := checkHello(m.Hello); err != nil {
			return err
		}
		return d.writeAgent(ctx, s, m.Hello)
	}
	return nil
}

// hearOf takes words on builds, but not of an end whose output is lacking here,
// since another master has taken it: the agent still has it.
func (d *Dispatcher) hearOf(s *session, updates []*agentv1.Update) {
	updates = slices.DeleteFunc(slices.Clone(updates), func(u *agentv1.Update) bool {
		at, ok := d.wanted(u.GetBuild(), u.GetAttempt(), s.name)
		if !ok || d.holds(at, u.GetOutput()) {
			return false
		}
		s.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Redeliver{Redeliver: &agentv1.Redeliver{Build: u.GetBuild(), Attempt: u.GetAttempt()}}})
		return true
	})
	d.finishLogs(s, updates)
	d.inbox.put(s, updates)
}

// holds says whether the output of an attempt is here, given the sizes of its parts.
func (d *Dispatcher) holds(at logs.Attempt, sizes map[int32]int64) bool {
	if len(sizes) == 0 {
		return true
	}
	parts, err := d.Output.Parts(at)
	if err != nil {
		d.Log.Error("looking at the output of a build that has ended", "build", at.Build, "error", err)
		return true // what was lost here nobody brings back
	}
	held := map[int32]int64{}
	for _, p := range parts {
		held[int32(p.Number)] = p.Size
	}
	for number, size := range sizes {
		if held[number] < size {
			return false
		}
	}
	return true
}

// farewell ends the lease of an agent that left in good order with nothing in
// its hands, so that nobody waits for it.
func (d *Dispatcher) farewell(ctx context.Context, s *session) {
	idle := false
	d.Store.Read(func(f *state.Facts) { idle = len(f.OfAgent(s.name)) == 0 })
	if !idle {
		return
	}
	d.parts(s.name)
	// gofail: var agentLeaseUnrevoked struct{}
	if err := d.Store.Revoke(context.WithoutCancel(ctx), s.lease); err != nil {
		d.Log.Warn("ending an agent's lease", "agent", s.name, "error", err)
	}
}

func (d *Dispatcher) leave(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions[s.name] == s {
		delete(d.sessions, s.name)
		d.inbox.move(s.name)
	}
}

// send queues a message; the agent gets all in order.
func (s *session) send(m *agentv1.FromMaster) {
	s.mu.Lock()
	s.out = append(s.out, m)
	s.mu.Unlock()
	s.poke()
}

// once sends a message unless this session had it before.
func (s *session) once(key told, m *agentv1.FromMaster) {
	s.mu.Lock()
	had := s.sent[key]
	s.sent[key] = true
	s.mu.Unlock()
	if !had {
		s.send(m)
	}
}

// over forgets what was told about an attempt that has ended.
func (s *session) over(at attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, what := range []string{"work", "cancel", "hurry", "forget", "settled"} {
		delete(s.sent, told{what, at})
	}
}

func (s *session) poke() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *session) end() {
	s.mu.Lock()
	s.gone = true
	s.fail()
	s.mu.Unlock()
	s.poke()
}

func (s *session) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

// pump sends what is queued until the session ends.
func (s *session) pump(ctx context.Context, stream entrusting) error {
	for {
		s.mu.Lock()
		out, gone := s.out, s.gone
		s.out = nil
		s.mu.Unlock()
		for _, m := range out {
			if err := stream.Send(m); err != nil {
				return err
			}
		}
		if gone {
			return nil
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *session) work(w *agentv1.Work) {
	s.once(told{"work", attempt{w.GetBuild(), w.GetAttempt()}}, &agentv1.FromMaster{Message: &agentv1.FromMaster_Work{Work: w}})
}

func (s *session) cancel(a attempt, why string, forget bool) {
	what := "cancel"
	if forget {
		what = "forget"
	}
	s.once(told{what, a}, &agentv1.FromMaster{Message: &agentv1.FromMaster_Cancel{
		Cancel: &agentv1.Cancel{Build: a.build, Attempt: a.number, Reason: why, Forget: forget},
	}})
}

// hurry cancels once more.
func (s *session) hurry(a attempt, why string) {
	s.once(told{"hurry", a}, &agentv1.FromMaster{Message: &agentv1.FromMaster_Cancel{
		Cancel: &agentv1.Cancel{Build: a.build, Attempt: a.number, Reason: why, Again: true},
	}})
}

func (s *session) settle(at attempt, a *state.AppServer, act *state.Active) {
	o := a.Outcome(act)
	if o == state.Pending {
		return
	}
	s.once(told{"settled", at}, &agentv1.FromMaster{Message: &agentv1.FromMaster_Settled{
		Settled: &agentv1.Settled{Build: at.build, Attempt: at.number, Outcome: outcome(o), Error: why(a)},
	}})
}

func why(a *state.AppServer) string {
	if a.Operation != nil && a.Operation.Error != "" {
		return a.Operation.Error
	}
	return a.Error
}

func (s *session) operate(a *state.AppServer) {
	op := operationOf(a)
	op.Deputy = a.Agent != s.name
	s.once(told{what: "operation " + a.Operation.ID}, &agentv1.FromMaster{Message: &agentv1.FromMaster_Operation{Operation: op}})
}
