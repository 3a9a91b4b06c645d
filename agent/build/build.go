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
	"path/filepath"
	"slices"
	"sync"

	"github.com/wright-build/wright/agent/appserver"
	"github.com/wright-build/wright/agent/output"
	"github.com/wright-build/wright/agent/process"
	"github.com/wright-build/wright/agent/sandbox"
	"github.com/wright-build/wright/agent/workspace/access"
	"github.com/wright-build/wright/agent/workspace/cache"
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
	Sandboxes  func(ctx context.Context) (*sandbox.Keeper, error)   // likewise
	Spares     *Spares
	Cache      *cache.Cache // of what was fetched; may be nil
	Opener     string       // program that git and ssh ask for logins; see package access
	Log        *slog.Logger
}

// ErrLost means that the attempt cannot go on here: its step is gone without
// a verdict. The master tries the build again.
var ErrLost = errors.New("the attempt was lost")

// cancelled is why an attempt ends early: somebody wanted it to, or it took too
// long, which is a failure.
type cancelled struct {
	reason string
	late   bool
}

func (c *cancelled) Error() string { return c.reason }

// Attempt is one try of one build.
type Attempt struct {
	Tools
	work     *agentv1.Work // with the secrets that it names, without its credentials
	dir      string
	access   *access.Access
	redactor *output.Redactor
	output   *output.Output
	notes    io.Writer // what Wright itself says
	reports  *reports
	watching watching

	unrevealed error // why a secret that the work names is missing

	cancel  chan string // why the attempt is to end early
	forget  chan struct{}
	enough  chan struct{} // closed when it was cancelled again
	settled chan *agentv1.Settled
	acked   chan struct{}
	known   chan struct{} // closed when the master has stored that it began
	lacking chan struct{} // the master that leads has not all of the output

	mu      sync.Mutex // guards all below
	journal *os.File
	record  record
	unsaid  int64 // the version before its first word
	begun   bool  // known is closed
	unused  bool  // forget is closed
	hurried bool  // enough is closed
}

// New takes on new work in dir, which is made.
func New(t Tools, dir string, w *agentv1.Work) (*Attempt, error) {
	if err := t.Spares.take(dir); err != nil {
		return nil, fmt.Errorf("make the directory of build %s: %w", w.GetBuild(), err)
	}
	// gofail: var attemptMade struct{}
	a, err := begin(t, dir, w)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write down the work of build %s: %w", w.GetBuild(), err), os.RemoveAll(dir))
	}
	return a, nil
}

// begin writes the work down, and takes it up.
func begin(t Tools, dir string, w *agentv1.Work) (*Attempt, error) {
	if err := errors.Join(entrust(dir, w.GetCredentials()), confide(dir, w.GetSecrets())); err != nil {
		return nil, err
	}
	w = withoutSecrets(w)
	file, err := keep(dir, w)
	if err != nil {
		return nil, err
	}
	// gofail: var workWritten struct{}
	return open(t, dir, w, file)
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
	a, err := open(t, dir, w, file)
	if err == nil && r != nil {
		a.record, a.unsaid = *r, 0
	}
	return a, err
}

// open makes the attempt of what is kept in dir. Its journal is the attempt's to
// close, and closed where there is none.
func open(t Tools, dir string, w *agentv1.Work, journal *os.File) (*Attempt, error) {
	opened, err := access.Open(filepath.Join(dir, logins), t.Opener)
	secrets, refused := recallSecrets(dir)
	if err = errors.Join(err, refused); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	w, unrevealed := secrets.reveal(w)
	a := &Attempt{
		Tools: t, work: w, unrevealed: unrevealed, dir: dir, access: opened,
		redactor: output.NewRedactor(slices.Concat(opened.Secrets(), secrets.texts())),
		cancel:   make(chan string, 1), forget: make(chan struct{}), enough: make(chan struct{}),
		settled: make(chan *agentv1.Settled, 1), acked: make(chan struct{}, 1), lacking: make(chan struct{}, 1),
		known: make(chan struct{}), journal: journal, record: record{Version: firstVersion(), State: agentv1.State_STATE_ASSIGNED},
	}
	a.unsaid = a.record.Version
	a.Log = t.Log.With("build", w.GetBuild(), "attempt", w.GetAttempt())
	a.output = output.New(w.GetBuild(), w.GetAttempt(), dir, a.redactor, a.Log)
	a.notes = &notes{output: a.output}
	a.reports = newReports(a)
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

// CancelAgain is Cancel, and ends the steps that run whatever happened, too.
func (a *Attempt) CancelAgain(reason string) {
	a.Cancel(reason, false)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.hurried {
		a.hurried = true
		close(a.enough)
	}
}

// Renew delivers what was written again: the master that leads now may have none
// of it.
func (a *Attempt) Renew() { a.output.Renew() }

// Redeliver is Renew for an attempt whose end the master does not take in without
// its output.
func (a *Attempt) Redeliver() {
	select {
	case a.lacking <- struct{}{}:
	default:
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
	if version > a.unsaid && !a.begun {
		a.begun = true
		close(a.known)
	}
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
	// gofail: var wordUnwritten struct{}
	err := write(a.journal, entry{Record: &a.record})
	u := a.record.update(a.work)
	a.mu.Unlock()
	if err != nil {
		return fmt.Errorf("write down the state of build %s: %w", a.Build(), err)
	}
	// gofail: var wordWritten struct{}
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
			return a.give(ctx, err)
		}
		return err
	}
	// gofail: var verdictUndelivered struct{}
	delivery.complete(ctx, a.forget)
	if ctx.Err() != nil {
		return ctx.Err() // the master must not hear of the end before it has the output
	}
	// gofail: var verdictUntold struct{}
	if err := a.tell(ctx); err != nil {
		return err
	}
	// gofail: var endAcknowledged struct{}
	a.clear(ctx)
	return nil
}

// give gives up an attempt that was lost, once the master knows that it began: not
// knowing, the master would have the very same begun again.
func (a *Attempt) give(ctx context.Context, lost error) error {
	select {
	case <-a.known:
	case <-a.forget:
	case <-ctx.Done():
		return ctx.Err()
	}
	// gofail: var lossKnown struct{}
	a.clear(ctx)
	return lost
}
