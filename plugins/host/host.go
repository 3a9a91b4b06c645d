// Package host finds provider plugins, runs them and keeps them running: it is
// the agent's side of package plugins. It knows nothing of agents and builds,
// nor of what the providers do.
//
// A plugin is launched by the first call that needs it. When its process dies,
// the calls in flight fail with a transient error and the next call launches it
// again, after a pause that grows while it keeps dying. Nothing here waits for
// a plugin without a deadline.
//
// A plugin is not trusted to be well. Where its directory has a lock file it is
// launched only as it was locked; what its process group uses is limited; what
// it writes is bounded before anybody reads it.
package host

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
)

// Config says where plugins are and what they are told.
type Config struct {
	Dirs         []string // searched in this order; the first match wins
	StateDir     string   // absolute; StateDir/KIND-NAME becomes a provider's own directory
	Installation string   // value of the tag plugins.InstallationTag
	Log          *slog.Logger
	Said         *slog.Logger // what providers say; default Log

	// Providers holds the table of each provider under "KIND-NAME"; optional.
	Providers map[string]map[string]any

	// A directory with a lock file launches only what that allows; one without
	// launches anything, or nothing if RequireLock is set.
	RequireLock bool

	Limits Limits // of each plugin; zero fields mean the defaults
}

// Limits are what one plugin may use: its process and all others of its group.
// What a provider starts for good, such as a server, leaves the group and counts
// no more.
type Limits struct {
	Memory    int64 // bytes; default 1 GiB
	Processes int   // default 256
	OpenFiles int   // of each process; default 4096
}

func (l Limits) withDefaults() Limits {
	return Limits{cmp.Or(l.Memory, 1<<30), cmp.Or(l.Processes, 256), cmp.Or(l.OpenFiles, 4096)}
}

// Info is what is known about a plugin.
type Info struct {
	Kind    plugins.Kind
	Name    string
	Path    string
	Version string // empty until it was launched
	PID     int    // 0 while it does not run
}

// Host runs plugins. Its methods may be called concurrently.
type Host struct {
	cfg    Config
	limits limits

	mu      sync.Mutex // guards all below
	plugins map[key]*plugin
	closed  bool
}

// key names a plugin.
type key struct {
	kind plugins.Kind
	name string
}

func (k key) String() string { return string(k.kind) + "-" + k.name }

// limits are how long the host waits for what; tests shorten them.
type limits struct {
	start        time.Duration // from launch to configured
	call         time.Duration // of a call whose context has no deadline
	stop         time.Duration // from goodbye to SIGKILL
	health       time.Duration // between two health checks, and the deadline of one
	firstBackOff time.Duration
	maxBackOff   time.Duration
	stable       time.Duration // a life this long forgives earlier deaths
}

func defaultLimits() limits {
	return limits{
		start: 15 * time.Second, call: 15 * time.Minute, stop: 2 * time.Second, health: 15 * time.Second,
		firstBackOff: 100 * time.Millisecond, maxBackOff: 30 * time.Second, stable: 10 * time.Second,
	}
}

// New makes a host. It starts nothing.
func New(cfg Config) *Host {
	cfg.Limits = cfg.Limits.withDefaults()
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	cfg.Said = cmp.Or(cfg.Said, cfg.Log)
	// Plugins run in a directory of their own, where relative paths mean another thing.
	cfg.StateDir = absolute(cfg.StateDir)
	cfg.Dirs = slices.Clone(cfg.Dirs)
	for i, d := range cfg.Dirs {
		cfg.Dirs[i] = absolute(d)
	}
	return &Host{cfg: cfg, limits: defaultLimits(), plugins: map[key]*plugin{}}
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// Plugins lists what the directories hold now, by kind and name, without
// launching any of it.
func (h *Host) Plugins() []Info {
	found := discover(h.cfg.Dirs)
	for i := range found {
		h.mu.Lock()
		p := h.plugins[key{found[i].Kind, found[i].Name}]
		h.mu.Unlock()
		if p != nil {
			var about *plugins.Description
			if about, found[i].PID = p.status(); about != nil {
				found[i].Version = about.Version
			}
		}
	}
	return found
}

func (h *Host) launched(ctx context.Context, k key) (*plugin, error) {
	if _, err := find(h.cfg.Dirs, k); err != nil {
		return nil, err
	}
	p, err := h.plugin(k)
	if err != nil {
		return nil, err
	}
	if _, err := p.connect(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// describe asks a running plugin, or one launched for that only.
func (h *Host) describe(ctx context.Context, k key) (*plugins.Description, error) {
	p, err := h.plugin(k)
	if err != nil {
		return nil, err
	}
	if about, pid := p.status(); pid != 0 {
		return about, nil
	}
	return p.describe(ctx)
}

func (h *Host) plugin(k key) (*plugin, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed(k)
	}
	p := h.plugins[k]
	if p == nil {
		p = newPlugin(h.cfg, h.limits, k)
		h.plugins[k] = p
	}
	return p, nil
}

// Close ends every plugin and waits until their processes are gone. Calls in
// flight fail.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	var all []*plugin
	for _, p := range h.plugins {
		all = append(all, p)
	}
	h.mu.Unlock()

	var wg sync.WaitGroup
	errs := make([]error, len(all))
	for i, p := range all {
		wg.Go(func() { errs[i] = p.close() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func errClosed(k key) error {
	return plugins.Errorf(plugins.Transient, "the plugin host is closed, %s cannot be called", k)
}
