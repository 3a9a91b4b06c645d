package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/wright-build/wright/agent/appserver"
	"github.com/wright-build/wright/agent/sandbox"
	"github.com/wright-build/wright/plugins/host"
)

// keepers makes the keeper of AppServers as soon as the installation is known,
// from the master's first Welcome or from what a former agent wrote down.
type keepers struct {
	cfg   Config
	file  string
	ready chan struct{}

	mu        sync.Mutex // guards all below
	host      *host.Host
	keeper    *appserver.Keeper
	sandboxes *sandbox.Keeper
}

func newKeepers(cfg Config) (*keepers, error) {
	k := &keepers{cfg: cfg, file: filepath.Join(cfg.Data, "installation"), ready: make(chan struct{})}
	if id, err := os.ReadFile(k.file); err == nil && len(id) > 0 {
		return k, k.make(strings.TrimSpace(string(id)))
	}
	return k, nil
}

func (k *keepers) make(installation string) (err error) {
	k.host = host.New(host.Config{
		Dirs: k.cfg.Plugins, StateDir: filepath.Join(k.cfg.Data, "plugins"), Installation: installation, Log: k.cfg.Log,
		Providers: k.cfg.Providers, RequireLock: k.cfg.PluginsLock, Limits: k.cfg.PluginLimits,
	})
	k.sandboxes, err = sandbox.New(sandbox.Config{
		Dir: filepath.Join(k.cfg.Data, "sandboxes"), Providers: k.host, Installation: installation, Agent: k.cfg.Name, Log: k.cfg.Log,
	})
	if err != nil {
		return err
	}
	k.keeper = &appserver.Keeper{Providers: newProviders(k.host), Installation: installation}
	close(k.ready)
	return nil
}

// welcome takes in the installation's ID. An agent's directory belongs to one
// installation for ever: what it made carries that ID.
func (k *keepers) welcome(installation string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.keeper == nil:
		if err := os.WriteFile(k.file, []byte(installation+"\n"), 0o600); err != nil {
			return err
		}
		// gofail: var installationWritten struct{}
		return k.make(installation)
	case k.keeper.Installation != installation:
		return errors.New("this agent's data belongs to another installation; give it an empty --data")
	}
	return nil
}

// wait returns the keeper once the installation is known.
func (k *keepers) wait(ctx context.Context) (*appserver.Keeper, error) {
	select {
	case <-k.ready:
		return k.keeper, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// waitSandboxes returns the keeper of sandboxes once the installation is known.
func (k *keepers) waitSandboxes(ctx context.Context) (*sandbox.Keeper, error) {
	select {
	case <-k.ready:
		return k.sandboxes, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// plugins lists what is there as "kind/name version".
func (k *keepers) plugins() []string {
	k.mu.Lock()
	h := k.host
	k.mu.Unlock()
	if h == nil {
		h = host.New(host.Config{Dirs: k.cfg.Plugins, StateDir: k.cfg.Data, Log: k.cfg.Log})
		defer func() { _ = h.Close() }()
	}
	var all []string
	for _, p := range h.Plugins() {
		all = append(all, strings.TrimSpace(string(p.Kind)+"/"+p.Name+" "+p.Version))
	}
	return all
}

func (k *keepers) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.host != nil {
		_ = k.host.Close()
	}
}
