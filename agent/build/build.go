// Package build carries out one attempt of one build: fetch, steps, AppServer,
// delivery. All it needs to go on after the agent has died is in the attempt's
// directory, and every phase may be begun again. It does not know the other
// builds, nor how words reach the master.
package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/wright-build/wright/agent/appserver"
	"github.com/wright-build/wright/agent/output"
	"github.com/wright-build/wright/agent/process"
	"github.com/wright-build/wright/agent/workspace"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// Master is where words go. It delivers them as soon as it can, again after
// every reconnect, and calls Acked.
type Master interface {
	Say(u *agentv1.Update)
	Client() agentv1.AgentsClient
}

// Tools is what attempts are carried out with; shared by all of an agent.
type Tools struct {
	Agent      string
	Master     Master
	Supervisor *process.Client
	Keeper     func(ctx context.Context) (*appserver.Keeper, error) // waits for the first Welcome
	Spares     *Spares
	Log        *slog.Logger
}

// ErrLost means that the attempt cannot go on here: its step is gone without
// a verdict. The master tries the build again.
var ErrLost = errors.New("the attempt was lost")

// cancelled is why an attempt ends early.
type cancelled struct{ reason string }

func (c *cancelled) Error() string { return c.reason }

// Attempt is one try of one build.
type Attempt struct {
	Tools
	work    *agentv1.Work
	dir     string
	output  *output.Output
	notes   io.Writer // what Wright itself says
	reports *reports

	cancel  chan string // why the attempt is to end early
	forget  chan struct{}
	settled chan *agentv1.Settled
	acked   chan struct{}

	mu      sync.Mutex // guards all below
	journal *os.File
	record  record
	unused  bool // forget is closed
}

// New takes on new work in dir, which is made.
func New(t Tools, dir string, w *agentv1.Work) (*Attempt, error) {
	if err := t.Spares.take(dir); err != nil {
		return nil, fmt.Errorf("make the directory of build %s: %w", w.GetBuild(), err)
	}
	err := keep(dir, w)
	if err == nil {
		var a *Attempt
		if a, err = Resume(t, dir); err == nil {
			return a, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("write down the work of build %s: %w", w.GetBuild(), err), os.RemoveAll(dir))
}

// Resume takes up the attempt that is kept in dir.
func Resume(t Tools, dir string) (*Attempt, error) {
	w, r, torn, err := recall(dir)
	if err != nil {
		return nil, err
	}
	file, err := openJournal(dir)
	if err != nil {
		return nil, err
	}
	if torn {
		if err := endLine(file); err != nil {
			return nil, errors.Join(fmt.Errorf("mend %s: %w", file.Name(), err), file.Close())
		}
	}
	a := &Attempt{
		Tools: t, work: w, dir: dir, cancel: make(chan string, 1), forget: make(chan struct{}),
		settled: make(chan *agentv1.Settled, 1), acked: make(chan struct{}, 1),
	}
	a.Log = t.Log.With("build", w.GetBuild(), "attempt", w.GetAttempt())
	a.output = output.New(w.GetBuild(), w.GetAttempt(), dir, a.Log)
	a.notes = &notes{output: a.output}
	a.reports = newReports(a)
	a.journal, a.record.State = file, agentv1.State_STATE_ASSIGNED
	if r != nil {
		a.record = *r
	}
	return a, nil
}

// Build and Number name the attempt.
func (a *Attempt) Build() string { return a.work.GetBuild() }

// Number is the attempt's number.
func (a *Attempt) Number() int32 { return a.work.GetAttempt() }

// Update is the newest word on the attempt.
func (a *Attempt) Update() *agentv1.Update {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.record.update(a.work)
}

// Cancel ends the attempt: its processes go, its AppServer is left to the
// master. With forget nothing more is said of it.
func (a *Attempt) Cancel(reason string, forget bool) {
	select {
	case a.cancel <- reason:
	default:
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if forget && !a.unused {
		a.unused = true
		close(a.forget)
	}
}

// Settle tells a build that waits for it what became of its AppServer.
func (a *Attempt) Settle(s *agentv1.Settled) {
	select {
	case a.settled <- s:
	default:
	}
}

// Acked says that the master has stored a version.
func (a *Attempt) Acked(version int64) {
	a.mu.Lock()
	final := version >= a.record.Version && a.record.State >= agentv1.State_STATE_SUCCEEDED
	a.mu.Unlock()
	if final {
		select {
		case a.acked <- struct{}{}:
		default:
		}
	}
}

// say changes the record and tells the master.
func (a *Attempt) say(change func(r *record)) error {
	a.mu.Lock()
	change(&a.record)
	a.record.Version++
	err := write(a.journal, entry{Record: &a.record})
	u := a.record.update(a.work)
	a.mu.Unlock()
	if err != nil {
		return fmt.Errorf("write down the state of build %s: %w", a.Build(), err)
	}
	a.Master.Say(u)
	return nil
}

func (a *Attempt) phase(name string) error {
	return a.say(func(r *record) { r.Phase = name })
}

// Run carries the attempt out, delivers it and removes its directory. When ctx
// ends it returns early and leaves everything, running steps included, to the
// next agent process. ErrLost says that the attempt is gone for good.
func (a *Attempt) Run(ctx context.Context) error {
	defer a.journal.Close()
	delivery := a.deliver(ctx)
	defer delivery.abandon()
	if err := a.decide(ctx); err != nil {
		if errors.Is(err, ErrLost) {
			delivery.abandon()
			a.clear(ctx)
		}
		return err
	}
	delivery.complete(ctx, a.forget)
	if ctx.Err() != nil {
		return ctx.Err() // the master must not hear of the end before it has the output
	}
	if err := a.tell(ctx); err != nil {
		return err
	}
	a.clear(ctx)
	return nil
}

// decide carries the attempt out, unless a former agent process came to a
// verdict already. One that is no success is written down before it is
// delivered: carried out again, the attempt might end in another way.
func (a *Attempt) decide(ctx context.Context) error {
	if a.record.Verdict != agentv1.State_STATE_UNSPECIFIED {
		a.deliverAgain(ctx)
		return nil
	}
	verdict := a.carryOut(ctx)
	if verdict != nil && ctx.Err() == nil {
		a.endSteps(ctx, verdict)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(verdict, ErrLost):
		return verdict
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.record.end(verdict)
	if verdict == nil {
		return nil
	}
	if err := write(a.journal, entry{Record: &a.record}); err != nil {
		return fmt.Errorf("write down the verdict on build %s: %w", a.Build(), err)
	}
	return nil
}

// deliverAgain hands on what a former agent process may not have delivered of
// an attempt that it came to a verdict on.
func (a *Attempt) deliverAgain(ctx context.Context) {
	a.output.Begin(0, "wright")
	for i, name := range a.commands() {
		a.output.Begin(i+1, name)
	}
	if a.record.Fetched && a.record.Verdict != agentv1.State_STATE_SUCCEEDED {
		a.report(ctx, false)
	}
}

// carryOut is carry, ended early by Cancel.
func (a *Attempt) carryOut(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		select {
		case why := <-a.cancel:
			cancel(&cancelled{why})
		case <-ctx.Done():
		}
	}()
	err := a.carry(ctx)
	var c *cancelled
	if errors.As(context.Cause(ctx), &c) {
		err = c
	}
	cancel(nil)
	<-watcher
	return err
}

// tell says the verdict until the master has stored it or has no use for it.
func (a *Attempt) tell(ctx context.Context) error {
	select {
	case <-a.forget:
		return nil
	default:
	}
	if err := a.say(func(r *record) { r.State, r.Phase = r.Verdict, "" }); err != nil {
		return err
	}
	select {
	case <-a.acked:
	case <-a.forget:
	case <-ctx.Done():
		return a.lastAck(ctx)
	}
	return nil
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
	case errors.As(verdict, &c):
		r.Verdict, r.Error = agentv1.State_STATE_CANCELLED, c.reason
	case errors.As(verdict, &f):
		r.Verdict, r.Error = agentv1.State_STATE_FAILED, f.Error()
	default:
		r.Verdict, r.Error = agentv1.State_STATE_ERRORED, verdict.Error()
	}
	if r.FinishedAt.IsZero() {
		r.FinishedAt = time.Now().UTC()
	}
}

// clear removes all that is kept of the attempt.
func (a *Attempt) clear(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), LastWords)
	defer cancel()
	for i := range a.commands() {
		if err := a.Supervisor.Forget(ctx, a.stepID(i+1)); err != nil {
			a.Log.Debug("forgetting a step", "error", err) // it may never have run
		}
	}
	err := a.empty()
	if err == nil {
		err = a.Spares.give(a.dir, a.journal)
	} else { // it must serve no other attempt, and no agent is to take it up
		err = errors.Join(err, os.Remove(a.path(journal)))
	}
	if err != nil {
		a.Log.Error("removing the attempt's directory", "dir", a.dir, "error", err)
	}
}

// empty removes all but the journal, which stays for the next agent process to
// find should this one die meanwhile, and a workspace that was never used.
func (a *Attempt) empty() error {
	entries, err := os.ReadDir(a.dir)
	for _, e := range entries {
		if e.Name() != journal && !a.untouched(e.Name()) {
			err = errors.Join(err, workspace.Remove(a.path(e.Name())))
		}
	}
	return err
}

// untouched says whether it is the workspace, and as it was made.
func (a *Attempt) untouched(name string) bool {
	if name != "workspace" {
		return false
	}
	info, err := os.Lstat(a.path(name))
	if err != nil || info.Mode() != os.ModeDir|0o700 {
		return false
	}
	inside, err := os.ReadDir(a.path(name))
	return err == nil && len(inside) == 0
}
