package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/plugins"
)

// plugin is one provider over all the lives of its process. To the clients of
// the kinds it is a connection that does not break.
type plugin struct {
	key    key
	cfg    Config
	limits limits
	log    *slog.Logger
	said   *slog.Logger   // gets what its process says
	wg     sync.WaitGroup // launches and lives
	done   chan struct{}  // closed by close

	mu       sync.Mutex           // guards all below
	live     *life                // nil while it does not run
	pending  *attempt             // nil while no launch runs
	failures int                  // launches and lives that failed in a row
	retryAt  time.Time            // no launch before
	lastErr  error                // why the last launch or life failed
	about    *plugins.Description // of the last life; nil before the first
	closed   bool
}

// attempt is a launch that may have several calls waiting for it.
type attempt struct {
	done chan struct{} // closed when live and err are set
	live *life
	err  error
}

var _ grpc.ClientConnInterface = (*plugin)(nil)

func newPlugin(cfg Config, l limits, k key) *plugin {
	return &plugin{
		key: k, cfg: cfg, limits: l, done: make(chan struct{}),
		log: cfg.Log.With("plugin", k.String()), said: cfg.Said.With("plugin", k.String()),
	}
}

// Invoke calls the process, launching it when it does not run.
func (p *plugin) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.limits.call)
		defer cancel()
	}
	l, err := p.connect(ctx)
	if err != nil {
		return err
	}
	return p.explain(ctx, l, l.conn.Invoke(ctx, method, args, reply, opts...))
}

// broken says whether the connection and not the provider gave the error:
// unavailable when the process died, cancelled when its end was noticed before.
func broken(err error) bool {
	c := status.Code(err)
	return (c == codes.Unavailable || c == codes.Canceled) && !plugins.HasDetail(err)
}

// lives says whether a process still answers after a call on it broke. One that
// does not is ended for good: its connection may look ready again for a moment,
// and the next call must not meet it.
func (p *plugin) lives(ctx context.Context, l *life) bool {
	if l.usable() && l.ping(ctx, p.limits.health) == nil {
		return true
	}
	l.process.kill()
	select {
	case <-l.exited():
	case <-ctx.Done():
	}
	return false
}

// connect gives the running process, launching one if there is none. While the
// back-off lasts it waits if that is short, and fails with the reason otherwise.
func (p *plugin) connect(ctx context.Context) (*life, error) {
	for {
		l, a, wait, err := p.current(ctx)
		switch {
		case err != nil:
			return nil, err
		case l != nil:
			return l, nil
		case a != nil:
			return a.wait(ctx, p.key)
		}
		if err := p.pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// current gives exactly one of: the live process, a launch to wait for, a time
// to wait before the next launch, an error.
func (p *plugin) current(ctx context.Context) (*life, *attempt, time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, 0, errClosed(p.key)
	}
	if p.live != nil && p.live.usable() {
		return p.live, nil, 0, nil
	}
	if p.pending == nil {
		if wait := time.Until(p.retryAt); wait > time.Second {
			err := fmt.Errorf("plugin %s rests for %v after failing %d times in a row, the last time: %w",
				p.key, wait.Round(time.Millisecond), p.failures, p.lastErr)
			return nil, nil, 0, plugins.RetryAfter(wait, err)
		} else if wait > 0 {
			return nil, nil, wait, nil
		}
		p.pending = &attempt{done: make(chan struct{})}
		// The launch serves every call that waits for it, so it outlives this one's context.
		p.wg.Go(func() { p.run(context.WithoutCancel(ctx), p.pending) })
	}
	return nil, p.pending, 0, nil
}

func (a *attempt) wait(ctx context.Context, k key) (*life, error) {
	select {
	case <-a.done:
		return a.live, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the launch of plugin %s: %w", k, ctx.Err())
	}
}

func (p *plugin) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.done:
		return errClosed(p.key)
	case <-ctx.Done():
		return fmt.Errorf("wait to launch plugin %s again: %w", p.key, ctx.Err())
	}
}

// run is one life of the process: launch, watch, clean up.
func (p *plugin) run(ctx context.Context, a *attempt) {
	start := time.Now()
	l, err := p.launch(ctx)
	p.mu.Lock()
	p.pending = nil
	if err == nil {
		p.live, p.about = l, l.about
	} else {
		if _, ok := errors.AsType[refusal](err); !ok {
			p.failed(err, false)
		}
		err = p.launchError(err)
	}
	p.mu.Unlock()
	a.live, a.err = l, err
	close(a.done)
	if err != nil {
		p.log.Error("plugin did not start", "error", err)
		return
	}
	p.log.Info("plugin started", "path", l.path, "pid", l.pid, "version", l.about.Version, "took", time.Since(start))
	p.watch(ctx, l, start)
}

// launchError keeps the code that the provider gave, such as invalid settings;
// anything else may go away, for instance when the binary is replaced.
func (p *plugin) launchError(err error) error {
	if plugins.CodeOf(err) != plugins.Unknown {
		return fmt.Errorf("launch plugin %s: %w", p.key, err)
	}
	return plugins.RetryAfter(max(0, time.Until(p.retryAt)), fmt.Errorf("launch plugin %s: %w", p.key, err))
}

// watch waits for the end of the process, checks its health meanwhile and takes
// away what it leaves.
func (p *plugin) watch(ctx context.Context, l *life, start time.Time) {
	wanted := p.untilEnd(ctx, l)
	why := l.process.cause(errors.New("its process ended by itself"))
	p.mu.Lock()
	if p.live == l {
		p.live = nil
	}
	if !wanted {
		p.failed(why, time.Since(start) > p.limits.stable)
	}
	p.mu.Unlock()
	l.stop(p.limits.stop)
	if !wanted {
		p.log.Warn("plugin ended", "pid", l.pid, "after", time.Since(start), "status", l.exitStatus(), "error", why)
		return
	}
	p.log.Info("plugin stopped", "pid", l.pid)
}

// untilEnd says whether the end was wanted.
func (p *plugin) untilEnd(ctx context.Context, l *life) bool {
	ticker := time.NewTicker(p.limits.health)
	defer ticker.Stop()
	missed := 0
	for {
		select {
		case <-p.done:
			return true
		case <-l.exited():
			return false
		case <-ticker.C:
		}
		if err := l.ping(ctx, p.limits.health); err == nil {
			missed = 0
		} else if missed++; missed > 1 {
			p.log.Error("plugin does not answer health checks, killing it", "pid", l.pid, "error", err)
			l.process.condemn(errors.New("it was killed: it did not answer health checks"))
			return false
		}
	}
}

// failed sets the back-off; p.mu is held. The first failure after a stable life
// costs nothing.
func (p *plugin) failed(err error, wasStable bool) {
	if wasStable {
		p.failures = 0
	}
	p.failures++
	p.lastErr = err
	p.retryAt = time.Now().Add(backOff(p.failures, p.limits.firstBackOff, p.limits.maxBackOff))
}

// backOff is 0, first, 2×first, 4×first, … up to limit.
func backOff(failures int, first, limit time.Duration) time.Duration {
	if failures <= 1 {
		return 0
	}
	d := first
	for range failures - 2 {
		if d *= 2; d >= limit {
			return limit
		}
	}
	return d
}

func (p *plugin) status() (about *plugins.Description, pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live != nil {
		pid = p.live.pid
	}
	return p.about, pid
}

func (p *plugin) close() error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
	}
	p.mu.Unlock()
	p.wg.Wait()
	return nil
}
