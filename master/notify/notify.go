// Package notify lets people and programs hear of builds: by mail, webhooks,
// commit statuses and notifier plugins. What follows from the start or the end of
// a build is decided by Started and Ended, purely, and written into the outbox in
// the transaction that takes note of it; from there it is sent until the far side
// has taken it or its time is over. So nothing is lost when the master dies
// anywhere, and nothing sent twice but what a far side had taken without our
// hearing of it, which then comes under the same ID.
//
// It does not know how mail or HTTP are spoken (mail, post), nor what a message
// says (content), and it moves no build.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/plugins/notifier"
)

// Mail brings notices to a mail server.
type Mail interface {
	Deliver(ctx context.Context, n *state.Notice, c content.Content) error
	Test(ctx context.Context, to, page string, now time.Time) error
	Close() // waits for what is still being said to the server
}

// Post brings notices to programs.
type Post interface {
	Webhook(ctx context.Context, n *state.Notice, c content.Content, now time.Time) error
	Status(ctx context.Context, n *state.Notice, c content.Content) error
}

// Plugins hand messages to notifiers.
type Plugins interface {
	Notify(ctx context.Context, provider string, m notifier.Message) error
}

// Secrets are those that manifests name.
type Secrets interface {
	ValueFor(instance, name string) (string, error)
}

// Config is what the room is made from.
type Config struct {
	Store        *store.Store
	Logs         *logs.Logs
	Secrets      Secrets
	Mail         Mail // nil: no mail server is configured
	Post         Post
	Plugins      Plugins          // nil: none
	Page         string           // where people reach the master, without a slash at the end
	Installation string           // tag of what notifiers are told
	Now          func() time.Time // default time.Now
	Log          *slog.Logger
}

// Notifier is the room. Run must run for anything to happen.
type Notifier struct {
	cfg     Config
	results chan result
	lanes   lanes // how the far sides are doing

	began int64 // revision of the store at the start: what waited before is tried at once

	// owned by Run
	flying    map[string]bool          // notices under way, by ID
	delivered map[string]*state.Notice // taken by the far side, and not dropped yet
	seen      int64                    // revision up to which the ends of builds had no consequences
	noted     time.Time                // when that was written down
}

// New makes the room.
func New(cfg Config) *Notifier {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Notifier{
		cfg: cfg, began: cfg.Store.Revision(), results: make(chan result, allTogether), lanes: lanes{all: map[string]*lane{}},
		flying: map[string]bool{}, delivered: map[string]*state.Notice{},
	}
}

// group are builds that ended with one revision of the store.
type group struct {
	revision int64
	ends     []store.Ending
	taken    chan struct{}
}

// Run takes note of builds and sends what is due until ctx ends.
func (r *Notifier) Run(ctx context.Context) error {
	from, err := r.begin(ctx)
	if err != nil {
		return err
	}
	groups := make(chan group)
	all, both := errgroup.WithContext(ctx)
	all.Go(func() error {
		return r.cfg.Store.Ended(both, from, func(revision int64, ends []store.Ending) error {
			g := group{revision, ends, make(chan struct{})}
			select {
			case groups <- g:
			case <-both.Done():
				return both.Err()
			}
			select {
			case <-g.taken:
				return nil
			case <-both.Done():
				return both.Err()
			}
		})
	})
	all.Go(func() error { return r.loop(both, groups) })
	err = all.Wait()
	if r.cfg.Mail != nil {
		r.cfg.Mail.Close()
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// begin tells from where on the ends of builds are news: at the first start, from now.
func (r *Notifier) begin(ctx context.Context) (int64, error) {
	if heard := r.heard(); heard != nil {
		return heard.Revision, nil
	}
	first := state.Heard{Revision: r.cfg.Store.Revision()}
	if err := r.cfg.Store.CommitSeen(ctx, first.Put()); err != nil {
		return 0, fmt.Errorf("write down from where on builds are news: %w", err)
	}
	// gofail: var hearingBegun struct{}
	return first.Revision, nil
}

func (r *Notifier) heard() (h *state.Heard) {
	r.cfg.Store.Read(func(f *state.Facts) { h = f.Heard() })
	return h
}

// loop owns all that changes.
func (r *Notifier) loop(ctx context.Context, groups <-chan group) error {
	sub := r.cfg.Store.Subscribe(state.KindBuild, state.KindNotice)
	defer r.cfg.Store.Unsubscribe(sub)
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due := true
		select {
		case <-ctx.Done():
			r.finish(work, stop)
			return nil
		case g := <-groups:
			r.insist(ctx, func() error { return r.hear(ctx, g) })
			close(g.taken)
			due = false // what was written wakes again
		case <-sub.Wake():
			keys, all := sub.Take()
			due = all || touches(keys, state.KindNotice)
			r.insist(ctx, func() error { return r.starts(ctx, keys, all) })
		case res := <-r.results:
			r.conclude(ctx, res)
		case <-timer.C:
		}
		if due {
			timer.Reset(r.settle(ctx, work))
		}
	}
}

func touches(keys []state.Key, kind state.Kind) bool {
	for _, k := range keys {
		if k.Kind == kind {
			return true
		}
	}
	return false
}

// insist does something until it is done: what cannot be written now can be
// written when the store is well again.
func (r *Notifier) insist(ctx context.Context, do func() error) {
	for again := 100 * time.Millisecond; ; again = min(2*again, 5*time.Second) {
		err := do()
		if err == nil || ctx.Err() != nil {
			return
		}
		r.cfg.Log.Warn("taking note of who is to hear of builds; trying again", "error", err)
		if err := r.cfg.Store.CatchUp(ctx); err == nil {
			again = 100 * time.Millisecond
		}
		wait(ctx, again)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
