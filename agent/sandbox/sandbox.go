// Package sandbox keeps the sandboxes that the steps of builds run in. They are
// made and ended through runner plugins, and noted on disk before they are made,
// so that none outlives its build, whatever dies and whenever. It does not know
// builds, and starts no process itself.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/runner"
)

// Providers finds the runner of a name. The plugin host does.
type Providers interface {
	Runner(ctx context.Context, name string) (runner.Provider, error)
}

// Config is what sandboxes are kept with.
type Config struct {
	Dir          string // for the notes; made if missing
	Providers    Providers
	Installation string // tags of everything that is made
	Agent        string
	Log          *slog.Logger
}

// Keeper makes and ends sandboxes. Its methods may be called concurrently.
type Keeper struct {
	cfg Config

	mu   sync.Mutex // guards all below
	owed map[ID]bool
}

// ID names a sandbox.
type ID struct{ Provider, Token string }

// Spec says what sandbox is wanted.
type Spec struct {
	ID
	Workspace       string // absolute path of the sources
	Instance, Build string
	Config          map[string]any
}

// New makes a keeper. What a former agent process noted is owed an end until
// Sweep is told that somebody holds it.
func New(cfg Config) (*Keeper, error) {
	k := &Keeper{cfg: cfg, owed: map[ID]bool{}}
	providers, err := os.ReadDir(cfg.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the notes of sandboxes: %w", err)
	}
	for _, p := range providers {
		tokens, err := os.ReadDir(filepath.Join(cfg.Dir, p.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the notes of sandboxes: %w", err)
		}
		for _, t := range tokens {
			k.owed[ID{p.Name(), t.Name()}] = true
		}
	}
	return k, nil
}

// Sandbox is one that is there.
type Sandbox struct {
	id       ID
	provider runner.Provider
}

// Make makes a sandbox, or finds the one that was made before.
func (k *Keeper) Make(ctx context.Context, s Spec) (*Sandbox, error) {
	p, err := k.cfg.Providers.Runner(ctx, s.Provider)
	if err != nil {
		return nil, err
	}
	if err := k.note(s.ID); err != nil {
		return nil, fmt.Errorf("note sandbox %s: %w", s.Token, err)
	}
	// gofail: var sandboxNoted struct{}
	wanted := runner.Spec{
		Token: s.Token, Workspace: s.Workspace, Config: s.Config,
		Tags: map[string]string{
			plugins.InstallationTag: k.cfg.Installation, "wright-agent": k.cfg.Agent,
			"wright-instance": s.Instance, "wright-build": s.Build,
		},
	}
	err = persist(ctx, func() error { _, err := p.Create(ctx, wanted); return err })
	if err != nil {
		return nil, fmt.Errorf("make the sandbox with %s: %w", s.Provider, err)
	}
	// gofail: var sandboxMade struct{}
	return &Sandbox{s.ID, p}, nil
}

// Wrap gives the command that runs c in the sandbox. Variables that no plugin
// takes are left out: names that no shell knows, and what is not UTF-8.
func (s *Sandbox) Wrap(ctx context.Context, c runner.Command) (runner.Command, error) {
	env := make(map[string]string, len(c.Env))
	for name, value := range c.Env {
		if plugins.CheckEnv(map[string]string{name: value}) == nil {
			env[name] = value
		}
	}
	c.Env = env
	var wrapped *runner.Command
	err := persist(ctx, func() (err error) {
		wrapped, err = s.provider.Command(ctx, s.id.Token, c)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("ask %s how to run a command in its sandbox: %w", s.id.Provider, err)
	}
	return *wrapped, nil
}

// How often a call is tried that may work later, and how long it is waited for that.
const (
	tries    = 4
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
)

// persist repeats a call that may work later: a plugin that died is there again
// at once, and every call may be repeated.
func persist(ctx context.Context, call func() error) error {
	for n := 1; ; n++ {
		err := call()
		e, ok := errors.AsType[*plugins.Error](err)
		if !ok || e.Code != plugins.Transient || n == tries {
			return err
		}
		t := time.NewTimer(min(max(e.RetryAfter, minPause<<n), maxPause))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return err
		}
	}
}

// Made says whether a sandbox may be there: whether it is noted.
func (k *Keeper) Made(id ID) bool {
	_, err := os.Lstat(k.path(id))
	return err == nil
}

// End ends a sandbox with all that runs in it. If that fails Sweep tries it again.
func (k *Keeper) End(ctx context.Context, id ID) error {
	p, err := k.cfg.Providers.Runner(ctx, id.Provider)
	if err == nil {
		err = p.Delete(ctx, id.Token)
	}
	// gofail: var sandboxDeleted struct{}
	if err == nil {
		err = os.Remove(k.path(id))
	}
	failed := err != nil && !errors.Is(err, fs.ErrNotExist)
	k.mu.Lock()
	defer k.mu.Unlock()
	if delete(k.owed, id); failed {
		k.owed[id] = true
		return fmt.Errorf("end sandbox %s with %s: %w", id.Token, id.Provider, err)
	}
	return nil
}

// sweepEvery is the time between two tries to end what could not be ended.
const sweepEvery = time.Minute

// Sweep ends what a former process has left and nobody holds, and what could
// not be ended, until ctx does.
func (k *Keeper) Sweep(ctx context.Context, held func(token string) bool) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		k.sweep(ctx, held)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (k *Keeper) sweep(ctx context.Context, held func(token string) bool) {
	k.mu.Lock()
	var all []ID
	for id := range k.owed {
		if held(id.Token) { // who holds it will end it
			delete(k.owed, id)
			continue
		}
		all = append(all, id)
	}
	k.mu.Unlock()
	for _, id := range all {
		limited, cancel := context.WithTimeout(ctx, sweepEvery)
		err := k.End(limited, id)
		cancel()
		if err != nil && ctx.Err() == nil {
			k.cfg.Log.Error("a sandbox is left; trying again", "error", err)
		} else if err == nil {
			k.cfg.Log.Info("ended a sandbox that was left", "provider", id.Provider, "sandbox", id.Token)
		}
	}
}

func (k *Keeper) path(id ID) string { return filepath.Join(k.cfg.Dir, id.Provider, id.Token) }

// note writes down that a sandbox may be there from now on.
func (k *Keeper) note(id ID) error {
	for _, s := range []string{id.Provider, id.Token} {
		if !filepath.IsLocal(s) || s == "." || strings.ContainsRune(s, filepath.Separator) {
			return fmt.Errorf("%.60q cannot be a file's name", s)
		}
	}
	k.mu.Lock()
	delete(k.owed, id)
	k.mu.Unlock()
	dir := filepath.Join(k.cfg.Dir, id.Provider)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(k.path(id), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Close(), d.Sync(), d.Close())
}
