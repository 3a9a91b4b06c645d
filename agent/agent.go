// Package agent is the worker: it dials the master, says what it offers, and
// carries out the builds it is sent. What it has taken on it keeps on its own
// disk until the master has it, so that either of the two may die at any time.
// It knows the master only through proto, and never a manifest.
package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/wright-build/wright/agent/build"
	"github.com/wright-build/wright/agent/process"
	"github.com/wright-build/wright/agent/workspace"
	"github.com/wright-build/wright/agent/workspace/cache"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// Agent is one running agent.
type Agent struct {
	cfg    Config
	super  *process.Client
	keeper *keepers
	link   *link
	spares *build.Spares
	cache  *cache.Cache // nil: none
	builds sync.WaitGroup
	idle   chan struct{} // capacity 1: no build is held any more

	mu       sync.Mutex // guards all below
	attempts map[key]*build.Attempt
	again    bool   // an attempt was lost: the master is to hear what is left
	master   string // address of the one that the last session was with
	closed   string // why no more work is taken; "": some is
}

// key names an attempt.
type key struct {
	build   string
	attempt int32
}

// dir is the name of its directory.
func (k key) dir() string { return fmt.Sprintf("%s.%d", k.build, k.attempt) }

// Run is an agent until ctx ends. Steps that run then go on under the
// supervisor, for the next agent in the same directory to take up.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.complete(); err != nil {
		return err
	}
	unlock, err := lock(cfg.Data)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	super, err := process.Connect(ctx, filepath.Join(cfg.Data, "supervisor"), append(cfg.Supervisor, filepath.Join(cfg.Data, "supervisor")), cfg.Log)
	if err != nil {
		return fmt.Errorf("reach the supervisor: %w", err)
	}
	defer func() { _ = super.Close() }()
	spares, err := build.NewSpares(filepath.Join(cfg.Data, "spare"))
	if err != nil {
		return err
	}
	keepers, err := newKeepers(cfg)
	if err != nil {
		return err
	}
	defer keepers.close()
	a := &Agent{cfg: cfg, super: super, spares: spares, keeper: keepers, attempts: map[key]*build.Attempt{}, cache: cfg.openCache(), idle: make(chan struct{}, 1)}
	if a.link, err = newLink(cfg); err != nil {
		return err
	}
	defer a.link.close()
	if err := a.resume(ctx); err != nil {
		return err
	}
	a.watchRoom()
	a.builds.Go(func() { a.sweep(ctx) })
	a.builds.Go(func() { a.tend(ctx) })
	a.builds.Go(func() { a.rest(ctx) })
	err = a.link.way.Keep(ctx, cfg.Log, a.session)
	stop() // a refused agent's builds wait for the next one, too
	a.builds.Wait()
	a.clearSpares()
	a.dismiss(ctx)
	return err
}

// leaveTime bounds the farewell to the supervisor.
const leaveTime = 2 * time.Second

// dismiss ends the supervisor where no build waits for the next agent. One that
// does not hear of it ends by itself after a while.
func (a *Agent) dismiss(ctx context.Context) {
	left, err := os.ReadDir(filepath.Join(a.cfg.Data, "builds"))
	if err == nil && len(left) > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	if err := errors.Join(err, a.super.Leave(ctx)); err != nil {
		a.cfg.Log.Warn("the supervisor stays for a while", "error", err)
	}
}

// lock makes sure that one agent uses a directory. The lock goes with the
// process, however it ends.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Join(dir, "builds"), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "agent.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another agent runs in %s: give each its own --data", dir)
	}
	return func() { _ = f.Close() }, nil
}

// lockPatience is how long the lock of a process that was killed may outlive
// it: a child that it was just starting has it until it is its own program.
const lockPatience = 2 * time.Second

// flock takes the lock of a file, or says that somebody else has it.
func flock(f *os.File) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.Now().Add(lockPatience); ; <-again.C {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || time.Now().After(late) {
			return err
		}
	}
}

// resume takes up what a former agent process left.
func (a *Agent) resume(ctx context.Context) error {
	dirs, err := os.ReadDir(filepath.Join(a.cfg.Data, "builds"))
	if err != nil {
		return err
	}
	for _, d := range dirs {
		dir := filepath.Join(a.cfg.Data, "builds", d.Name())
		attempt, err := build.Resume(a.tools(), dir)
		if err != nil {
			a.cfg.Log.Error("what a former agent left cannot be taken up; the master tries that build again", "dir", dir, "error", err)
			if err := workspace.Remove(dir); err != nil {
				a.cfg.Log.Error("removing it", "error", err)
			}
			continue
		}
		a.cfg.Log.Info("taking up a build", "build", attempt.Build(), "attempt", attempt.Number())
		a.start(ctx, attempt)
	}
	return nil
}

func (a *Agent) tools() build.Tools {
	return build.Tools{Agent: a.cfg.Name, Master: a.link, Supervisor: a.super, Keeper: a.keeper.wait, Sandboxes: a.keeper.waitSandboxes, Spares: a.spares, Cache: a.cache, Opener: a.cfg.Opener, Log: a.cfg.Log}
}

// sweep ends sandboxes that no attempt holds.
func (a *Agent) sweep(ctx context.Context) {
	k, err := a.keeper.waitSandboxes(ctx)
	if err != nil {
		return
	}
	k.Sweep(ctx, func(token string) bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		for held := range a.attempts {
			if token == fmt.Sprintf("%s.%d", held.build, held.attempt) {
				return true
			}
		}
		return false
	})
}

// take begins new work; work that it has already is left alone.
func (a *Agent) take(ctx context.Context, w *agentv1.Work) {
	k := key{w.GetBuild(), w.GetAttempt()}
	if a.attempt(k) != nil {
		return
	}
	dir := filepath.Join(a.cfg.Data, "builds", k.dir())
	attempt, err := build.New(a.tools(), dir, w)
	if err != nil {
		a.cfg.Log.Error("work could not be begun", "build", k.build, "error", err)
		a.refuse(w, err)
		return
	}
	// gofail: var workTaken struct{}
	a.start(ctx, attempt)
}

// refuse says that work could not be begun. For want of room others may have it:
// sent again it would come to the same.
func (a *Agent) refuse(w *agentv1.Work, err error) {
	if !build.DiskFull(err) {
		a.lose()
		return
	}
	a.notice(err) // is heard first, so that the build does not come back
	a.link.answer(&agentv1.FromAgent{Message: &agentv1.FromAgent_Updates{Updates: &agentv1.Updates{
		Updates: []*agentv1.Update{build.Unfit(w, err)},
	}}})
}

// start runs an attempt in the background.
func (a *Agent) start(ctx context.Context, attempt *build.Attempt) {
	k := key{attempt.Build(), attempt.Number()}
	a.mu.Lock()
	a.attempts[k] = attempt
	a.mu.Unlock()
	a.builds.Go(func() {
		err := attempt.Run(ctx)
		if err != nil && ctx.Err() == nil {
			a.link.drop(k)
		}
		a.end(k)
		switch {
		case errors.Is(err, build.ErrLost):
			a.lose()
		case err != nil && ctx.Err() == nil:
			a.cfg.Log.Error("a build ended without a verdict; the master tries it again", "build", k.build, "error", err)
			a.notice(err)
			a.lose()
		}
	})
}

// end forgets an attempt that has ended.
func (a *Agent) end(k key) {
	a.mu.Lock()
	delete(a.attempts, k)
	idle := len(a.attempts) == 0
	a.mu.Unlock()
	a.link.poke()
	if !idle {
		return
	}
	select {
	case a.idle <- struct{}{}:
	default:
	}
}

// awaitsAck says whether a verdict was told that may not be stored yet.
func (a *Agent) awaitsAck() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, attempt := range a.attempts {
		if attempt.Update().GetState() >= agentv1.State_STATE_SUCCEEDED {
			return true
		}
	}
	return false
}

// lose makes the master hear again what is held here, and so what is not.
func (a *Agent) lose() {
	a.mu.Lock()
	a.again = true
	a.mu.Unlock()
	a.link.poke()
}

func (a *Agent) attempt(k key) *build.Attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.attempts[k]
}

// holds is the newest word on everything that is held.
func (a *Agent) holds() []*agentv1.Update {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []*agentv1.Update
	for _, attempt := range a.attempts {
		all = append(all, attempt.Update())
	}
	return all
}
