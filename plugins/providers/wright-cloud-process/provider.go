package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

// provider makes servers of directories and daemons.
type provider struct {
	locks    keyedLocks
	machines sync.WaitGroup // waits of this process for the daemons that it started

	mu  sync.Mutex // guards all below
	dir string     // StateDir/servers
	log *slog.Logger
}

var (
	_ cloud.Provider     = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// Configure implements plugins.Configurer. It takes away what died half made or
// half removed.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	if !filepath.IsAbs(s.StateDir) {
		return plugins.Invalidf("state-dir", "%q is not absolute", s.StateDir)
	}
	if len(s.Config) > 0 {
		return plugins.Invalidf("config", "the provider has no settings of its own for the agent")
	}
	dir := filepath.Join(s.StateDir, "servers")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the servers: %w", err)
	}
	p.mu.Lock()
	p.dir, p.log = dir, s.Log
	p.mu.Unlock()
	return sweep(dir)
}

// sweep removes directories whose names start with a dot: they are neither
// servers yet nor any more.
func sweep(dir string) error {
	lock, err := onhost.Lock(dir + ".lock")
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list the servers: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			err = errors.Join(err, removeTree(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

func (p *provider) servers() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir == "" {
		return "", errors.New("the provider is not configured yet")
	}
	return p.dir, nil
}

// Create implements cloud.Provider.
func (p *provider) Create(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	servers, err := p.servers()
	if err != nil {
		return nil, err
	}
	wanted, err := newRecord(s, time.Now())
	if err != nil {
		return nil, err
	}
	id := onhost.IDOf(s.Token)
	unlock, err := p.locks.lock(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	dir := filepath.Join(servers, id)
	r, err := onhost.Read[record](dir)
	if errors.Is(err, fs.ErrNotExist) {
		r, err = allocate(servers, id, wanted)
	}
	if err != nil {
		return nil, fmt.Errorf("make server %q: %w", s.Name, err)
	}
	if r.Deleting {
		return nil, plugins.RetryAfter(time.Second, fmt.Errorf("server %q is being deleted", r.Name))
	}
	if err := p.ensure(ctx, dir); err != nil {
		return nil, fmt.Errorf("start server %q: %w", s.Name, err)
	}
	made := r.server(dir, stateOf(dir, r))
	return &made, nil
}

// allocate gives the server its address and its directory. The directory
// appears with its record in it or not at all.
func allocate(servers, id string, r record) (record, error) {
	lock, err := onhost.Lock(servers + ".lock")
	if err != nil {
		return r, err
	}
	defer func() { _ = lock.Close() }()
	all, err := onhost.ReadAll[record](servers)
	if err != nil {
		return r, err
	}
	if made, ok := all[id]; ok {
		return made, nil // by another process of this provider, a moment ago
	}
	taken := map[string]bool{}
	for _, other := range all {
		taken[other.Address] = true
	}
	if r.Address, err = onhost.PickAddress(taken, r.Port); err != nil {
		return r, err
	}
	tmp := filepath.Join(servers, ".new-"+id)
	if err := errors.Join(removeTree(tmp), os.MkdirAll(filepath.Join(tmp, rootDir), 0o700)); err != nil {
		return r, err
	}
	if err := onhost.Write(tmp, r); err != nil {
		return r, err
	}
	if err := os.Rename(tmp, filepath.Join(servers, id)); err != nil {
		return r, err
	}
	return r, onhost.SyncDir(servers)
}

// Get implements cloud.Provider.
func (p *provider) Get(ctx context.Context, token string) (*cloud.Server, error) {
	servers, err := p.servers()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(servers, onhost.IDOf(token))
	r, err := onhost.Read[record](dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, plugins.Errorf(plugins.NotFound, "there is no server with this token")
	}
	if err != nil {
		return nil, err
	}
	found := p.look(ctx, dir, r)
	return &found, nil
}

// List implements cloud.Provider.
func (p *provider) List(ctx context.Context, tags map[string]string) ([]cloud.Server, error) {
	servers, err := p.servers()
	if err != nil {
		return nil, err
	}
	all, err := onhost.ReadAll[record](servers)
	if err != nil {
		return nil, err
	}
	var list []cloud.Server
	for id, r := range all {
		if plugins.HasTags(r.Tags, tags) {
			list = append(list, p.look(ctx, filepath.Join(servers, id), r))
		}
	}
	slices.SortFunc(list, func(a, b cloud.Server) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return list, ctx.Err()
}

// look gives a server as it is, after starting its daemon if that has died, for
// instance with the host. A server that another call works on is left to it.
func (p *provider) look(ctx context.Context, dir string, r record) cloud.Server {
	unlock, ok := p.locks.tryLock(filepath.Base(dir))
	if !ok || r.Deleting {
		if ok {
			unlock()
		}
		return r.server(dir, stateOf(dir, r))
	}
	defer unlock()
	if err := p.ensure(ctx, dir); err != nil {
		p.log.Warn("server does not start again", "server", r.Name, "dir", dir, "error", err)
		return r.server(dir, cloud.Failed)
	}
	return r.server(dir, stateOf(dir, r))
}

func stateOf(dir string, r record) string {
	if r.Deleting {
		return cloud.Deleting
	}
	return onhost.State(dir)
}

// Delete implements cloud.Provider.
func (p *provider) Delete(ctx context.Context, token string) error {
	servers, err := p.servers()
	if err != nil {
		return err
	}
	id := onhost.IDOf(token)
	unlock, err := p.locks.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	dir := filepath.Join(servers, id)
	r, err := onhost.Read[record](dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !r.Deleting {
		r.Deleting = true
		if err := onhost.Write(dir, r); err != nil {
			return fmt.Errorf("mark server %q for deletion: %w", r.Name, err)
		}
	}
	if err := end(ctx, dir, r.StopTimeout); err != nil {
		return fmt.Errorf("stop server %q: %w", r.Name, err)
	}
	// Under a name with a dot a half removed directory is nobody's server.
	gone := filepath.Join(servers, ".gone-"+id)
	if err := errors.Join(removeTree(gone), os.Rename(dir, gone)); err != nil {
		return fmt.Errorf("remove server %q: %w", r.Name, err)
	}
	return removeTree(gone)
}
