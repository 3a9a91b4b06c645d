package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/agent/appserver"
	"github.com/wright-build/wright/agent/build"
	"github.com/wright-build/wright/agent/way"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

type stream = grpc.BidiStreamingClient[agentv1.FromAgent, agentv1.FromMaster]

// session is one connection's worth of talk with a master.
func (a *Agent) session(ctx context.Context) error {
	free, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s, err := a.link.client.Session(free)
	if err != nil {
		return err
	}
	if err := s.Send(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: a.hello()}}); err != nil {
		return way.Explained(s, received(s, err))
	}
	first, err := s.Recv()
	if err != nil {
		return way.Explained(s, err)
	}
	welcome := first.GetWelcome()
	if welcome == nil {
		return errors.New("the master did not begin with Welcome")
	}
	// gofail: var agentWelcomed struct{}
	if err := a.keeper.welcome(welcome.GetInstallation()); err != nil {
		return err
	}
	a.arrive(a.link.way.Address())
	heard := make(chan error, 1)
	go func() {
		defer close(heard)
		heard <- a.listen(ctx, s)
	}()
	err = a.speak(ctx, s, welcome.GetLease().AsDuration(), heard)
	cancel()
	for range heard { // nothing is taken on once this session is over
	}
	return err
}

// arrive takes note of the master that the session is with. To another one than
// before, everything that is written is delivered anew.
func (a *Agent) arrive(address string) {
	a.cfg.Log.Info("connected to the master", "address", address)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.master != "" && a.master != address {
		for _, at := range a.attempts {
			at.Renew()
		}
	}
	a.master = address
}

// received tells why a send failed: the stream's own error says.
func received(s stream, err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	_, err = s.Recv()
	return err
}

// told is received for when somebody listens already: only one may.
func told(heard <-chan error, err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	return <-heard
}

func (a *Agent) hello() *agentv1.Hello {
	a.mu.Lock()
	a.again = false
	a.mu.Unlock()
	h := a.offer()
	h.Builds = a.holds()
	return h
}

// offer is what the agent offers now.
func (a *Agent) offer() *agentv1.Hello {
	return &agentv1.Hello{
		Name: a.cfg.Name, Slots: int32(a.cfg.Slots), Capabilities: a.cfg.Capabilities, Pools: a.cfg.Pools,
		Plugins: a.keeper.plugins(), Version: a.cfg.Version, Reaps: true, Closed: a.closedBy(),
	}
}

var errAgain = fmt.Errorf("%w: an attempt was lost; saying what is left", way.ErrAgain)

// speak sends what there is to say until the session ends. When ctx ends it
// takes leave, and waits for the master to close.
func (a *Agent) speak(ctx context.Context, s stream, lease time.Duration, heard <-chan error) error {
	if lease <= 0 {
		return fmt.Errorf("the master grants a lease of %s", lease)
	}
	beat := time.NewTicker(lease / 3)
	defer beat.Stop()
	for {
		if err := a.sendQueued(s); err != nil {
			return told(heard, err)
		}
		select {
		case <-a.link.more:
			if a.mustSayAgain() {
				return errAgain
			}
		case <-beat.C:
			if err := s.Send(&agentv1.FromAgent{Message: &agentv1.FromAgent_Heartbeat{Heartbeat: &agentv1.Heartbeat{}}}); err != nil {
				return told(heard, err)
			}
		case err := <-heard:
			return err
		case <-ctx.Done():
			return a.leave(s, heard)
		}
	}
}

// farewellTime is how long the master has to answer a farewell.
const farewellTime = 3 * time.Second

// leave says goodbye once the master has stored the verdicts that it was told,
// so that nothing of them is left here.
func (a *Agent) leave(s stream, heard <-chan error) error {
	late := time.NewTimer(build.LastWords)
	defer late.Stop()
	for a.awaitsAck() {
		if err := a.sendQueued(s); err != nil {
			return told(heard, err)
		}
		select {
		case <-a.link.more:
		case err := <-heard:
			return err
		case <-late.C:
			return goodbye(s, heard)
		}
	}
	return goodbye(s, heard)
}

func goodbye(s stream, heard <-chan error) error {
	if err := s.CloseSend(); err != nil {
		return err
	}
	t := time.NewTimer(farewellTime)
	defer t.Stop()
	select {
	case err := <-heard:
		return err
	case <-t.C:
		return nil
	}
}

func (a *Agent) mustSayAgain() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.again
}

func (a *Agent) sendQueued(s stream) error {
	words, results := a.link.take()
	if len(words) > 0 {
		m := &agentv1.FromAgent{Message: &agentv1.FromAgent_Updates{Updates: &agentv1.Updates{Updates: words}}}
		if err := s.Send(m); err != nil {
			return err // Hello says it all again
		}
		// gofail: var wordsSent struct{}
	}
	for _, r := range results {
		if err := s.Send(r); err != nil {
			return err // the master asks again
		}
	}
	return nil
}

// listen does what the master says until the stream ends.
func (a *Agent) listen(ctx context.Context, s stream) error {
	for {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		a.heed(ctx, m)
	}
}

func (a *Agent) heed(ctx context.Context, m *agentv1.FromMaster) {
	switch m := m.GetMessage().(type) {
	case *agentv1.FromMaster_Work:
		a.take(ctx, m.Work)
	case *agentv1.FromMaster_Cancel:
		// gofail: var cancelHeard struct{}
		if at := a.attempt(key{m.Cancel.GetBuild(), m.Cancel.GetAttempt()}); at != nil {
			if m.Cancel.GetAgain() {
				at.CancelAgain(m.Cancel.GetReason())
				return
			}
			at.Cancel(m.Cancel.GetReason(), m.Cancel.GetForget())
		}
	case *agentv1.FromMaster_Acks:
		// gofail: var wordsAcknowledged struct{}
		for _, ack := range m.Acks.GetAcks() {
			if at := a.attempt(key{ack.GetBuild(), ack.GetAttempt()}); at != nil {
				at.Acked(ack.GetVersion())
			}
		}
	case *agentv1.FromMaster_Settled:
		if at := a.attempt(key{m.Settled.GetBuild(), m.Settled.GetAttempt()}); at != nil {
			at.Settle(m.Settled)
		}
	case *agentv1.FromMaster_Operation:
		a.builds.Go(func() { a.operate(ctx, m.Operation) })
	case *agentv1.FromMaster_Redeliver:
		if at := a.attempt(key{m.Redeliver.GetBuild(), m.Redeliver.GetAttempt()}); at != nil {
			at.Redeliver()
		}
	case *agentv1.FromMaster_Reap:
		a.builds.Go(func() { a.reap(ctx, m.Reap) })
	}
}

// operate carries out an operation and says what became of it.
func (a *Agent) operate(ctx context.Context, op *agentv1.Operation) {
	// gofail: var operationBegun struct{}
	k, err := a.keeper.wait(ctx)
	if err == nil {
		err = k.Do(ctx, op)
	}
	// gofail: var operationDone struct{}
	if ctx.Err() != nil {
		return // the master asks the next agent process again
	}
	r := &agentv1.OperationResult{Id: op.GetId(), Appserver: op.GetAppserver()}
	if r.Elsewhere = errors.Is(err, appserver.ErrElsewhere); r.Elsewhere {
		r.Error = err.Error()
	} else if err != nil {
		a.cfg.Log.Error("operation failed", "kind", op.GetKind(), "appserver", op.GetAppserver(), "error", err)
		r.Error = err.Error()
	}
	a.link.result(r)
}
