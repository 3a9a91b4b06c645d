package build

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// decide carries the attempt out, unless a former agent process came to a
// verdict already. One that is no success is written down before it is
// delivered: carried out again, the attempt might end in another way.
func (a *Attempt) decide(ctx context.Context) error {
	if a.record.Verdict != agentv1.State_STATE_UNSPECIFIED {
		a.endSandbox(ctx)
		a.deliverAgain(ctx)
		return nil
	}
	verdict := a.carryOut(ctx)
	if verdict != nil && ctx.Err() == nil {
		a.endSteps(ctx, verdict)
	}
	a.endSandbox(ctx)
	if DiskFull(verdict) {
		a.makeRoom()
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(verdict, ErrLost):
		return verdict
	}
	a.mu.Lock()
	a.record.end(verdict)
	a.record.Error = a.redactor.Hide(a.record.Error)
	a.mu.Unlock()
	if verdict == nil {
		return nil
	}
	if err := a.whenRoom(ctx, a.writeDown); err != nil {
		return fmt.Errorf("write down the verdict on build %s: %w", a.Build(), err)
	}
	return nil
}

func (a *Attempt) writeDown() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return write(a.journal, entry{Record: &a.record})
}

// deliverAgain hands on what a former agent process may not have delivered of
// an attempt that it came to a verdict on.
func (a *Attempt) deliverAgain(ctx context.Context) {
	a.output.Begin(0, "wright")
	for i, name := range a.commands() {
		a.output.Begin(i+1, name)
	}
	if a.record.Fetched && a.record.Verdict != agentv1.State_STATE_SUCCEEDED {
		a.reportDone(ctx, false)
	}
}

// carryOut is carry, ended early by Cancel.
func (a *Attempt) carryOut(outer context.Context) error {
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	limit, left := a.timeout(time.Now())
	late := time.NewTimer(left)
	defer late.Stop()
	if why := a.record.Cancelled; why != "" { // a former agent process may have ended its step already
		cancel(&cancelled{reason: why})
	}
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		select {
		case why := <-a.cancel:
			a.noteCancel(why)
			cancel(&cancelled{reason: why})
		case <-late.C:
			cancel(&cancelled{reason: "it was ended after its timeout of " + limit.String(), late: true})
		case <-ctx.Done():
		}
	}()
	err := a.carry(ctx, outer)
	var c *cancelled
	if errors.As(context.Cause(ctx), &c) {
		err = c
	}
	cancel(nil)
	<-watcher
	return err
}

// noteCancel writes down that the attempt was cancelled: who finds its step ended
// must not take that for a failure.
func (a *Attempt) noteCancel(why string) {
	a.mu.Lock()
	a.record.Cancelled = why
	a.mu.Unlock()
	if err := a.writeDown(); err != nil {
		a.Log.Error("note that a build was cancelled", "build", a.Build(), "error", err)
	}
	// gofail: var cancelNoted struct{}
}

// timeout is that of the attempt, and what of it is left.
func (a *Attempt) timeout(now time.Time) (limit, left time.Duration) {
	limit = a.work.GetTimeout().AsDuration()
	if limit <= 0 {
		return 0, math.MaxInt64
	}
	if started := a.record.StartedAt; !started.IsZero() {
		return limit, min(limit, limit-now.Sub(started)) // the clock may have been put back while the agent was away
	}
	return limit, limit
}

// tell says the verdict until the master has stored it or has no use for it.
func (a *Attempt) tell(ctx context.Context) error {
	select {
	case <-a.forget:
		return nil
	default:
	}
	for {
		if err := a.whenRoom(ctx, func() error { return a.say(a.conclude) }); err != nil {
			return err
		}
		select {
		case <-a.acked:
			return nil
		case <-a.forget:
			return nil
		case <-a.lacking:
			a.Log.Info("delivering the output again, to another master")
			a.output.Renew()
			a.deliver(ctx).complete(ctx, a.forget)
		case <-ctx.Done():
			return a.lastAck(ctx)
		}
	}
}

// conclude writes down the end and how much was written: a master that has less must
// not take the end in, whatever is delivered to it meanwhile.
func (a *Attempt) conclude(r *record) {
	r.State, r.Phase = r.Verdict, ""
	if sizes := a.output.Sizes(); len(sizes) > 0 {
		r.Output = sizes
	}
}

// LastWords is how long an agent that stops waits until the master has stored
// the verdicts that it was told.
const LastWords = time.Second

// lastAck waits a little after the end of ctx.
func (a *Attempt) lastAck(ctx context.Context) error {
	late := time.NewTimer(LastWords)
	defer late.Stop()
	select {
	case <-a.acked:
	case <-a.forget:
	case <-late.C:
		return ctx.Err()
	}
	return nil
}

// end takes in the verdict; the state follows when all is delivered.
func (r *record) end(verdict error) {
	var c *cancelled
	var f *failure
	switch {
	case verdict == nil:
		r.Verdict = agentv1.State_STATE_SUCCEEDED
	case errors.As(verdict, &c) && c.late:
		r.Verdict, r.Error = agentv1.State_STATE_FAILED, c.reason
	case errors.As(verdict, &c):
		r.Verdict, r.Error = agentv1.State_STATE_CANCELLED, c.reason
	case errors.As(verdict, &f):
		r.Verdict, r.Error = agentv1.State_STATE_FAILED, f.Error()
	default:
		r.Verdict, r.Error, r.HostFault = agentv1.State_STATE_ERRORED, verdict.Error(), isHostFault(verdict)
	}
	if r.FinishedAt.IsZero() {
		r.FinishedAt = time.Now().UTC()
	}
}
