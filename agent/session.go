package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/agent/build"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

type stream = grpc.BidiStreamingClient[agentv1.FromAgent, agentv1.FromMaster]

// converse keeps a session with the master until ctx ends.
func (a *Agent) converse(ctx context.Context) error {
	wait := 50 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		err := a.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if fatal(err) {
			return fmt.Errorf("the master at %s refuses this agent: %s", a.cfg.Address, status.Convert(err).Message())
		}
		if time.Since(began) > time.Second {
			wait = 50 * time.Millisecond
		}
		a.cfg.Log.Warn("no master; trying again", "error", err, "in", wait)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
			wait = min(2*wait, 2*time.Second)
		case <-ctx.Done():
			t.Stop()
		}
	}
	return nil
}

// fatal errors do not go away by trying again.
func fatal(err error) bool {
	c := status.Code(err)
	return c == codes.Unauthenticated || c == codes.PermissionDenied || c == codes.InvalidArgument || c == codes.Unimplemented
}

// session is one connection's worth of converse.
func (a *Agent) session(ctx context.Context) error {
	free, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s, err := a.link.client.Session(free)
	if err != nil {
		return err
	}
	if err := s.Send(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: a.hello()}}); err != nil {
		return received(s, err)
	}
	first, err := s.Recv()
	if err != nil {
		return err
	}
	welcome := first.GetWelcome()
	if welcome == nil {
		return errors.New("the master did not begin with Welcome")
	}
	if err := a.keeper.welcome(welcome.GetInstallation()); err != nil {
		return err
	}
	a.cfg.Log.Info("connected to the master", "address", a.cfg.Address)
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

// received tells why a send failed: the stream's own error says.
func received(s stream, err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	_, err = s.Recv()
	return err
}

func (a *Agent) hello() *agentv1.Hello {
	a.mu.Lock()
	a.again = false
	a.mu.Unlock()
	return &agentv1.Hello{
		Name: a.cfg.Name, Slots: int32(a.cfg.Slots), Capabilities: a.cfg.Capabilities,
		Plugins: a.keeper.plugins(), Version: a.cfg.Version, Builds: a.holds(),
	}
}

var errAgain = errors.New("an attempt was lost; saying what is left")

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
			return received(s, err)
		}
		select {
		case <-a.link.more:
			if a.mustSayAgain() {
				return errAgain
			}
		case <-beat.C:
			if err := s.Send(&agentv1.FromAgent{Message: &agentv1.FromAgent_Heartbeat{Heartbeat: &agentv1.Heartbeat{}}}); err != nil {
				return received(s, err)
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
			return received(s, err)
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
	}
	for _, r := range results {
		if err := s.Send(&agentv1.FromAgent{Message: &agentv1.FromAgent_OperationResult{OperationResult: r}}); err != nil {
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
		if at := a.attempt(key{m.Cancel.GetBuild(), m.Cancel.GetAttempt()}); at != nil {
			at.Cancel(m.Cancel.GetReason(), m.Cancel.GetForget())
		}
	case *agentv1.FromMaster_Acks:
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
	}
}

// operate carries out an operation and says what became of it.
func (a *Agent) operate(ctx context.Context, op *agentv1.Operation) {
	k, err := a.keeper.wait(ctx)
	if err == nil {
		err = k.Do(ctx, op)
	}
	if ctx.Err() != nil {
		return // the master asks the next agent process again
	}
	r := &agentv1.OperationResult{Id: op.GetId(), Appserver: op.GetAppserver()}
	if err != nil {
		a.cfg.Log.Error("operation failed", "kind", op.GetKind(), "appserver", op.GetAppserver(), "error", err)
		r.Error = err.Error()
	}
	a.link.result(r)
}
