package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
	"github.com/wright-build/wright/plugins/cloud/turns"
)

// provider is what the host calls. It works with what the last Configure gave.
type provider struct {
	mu  sync.Mutex // guards all below
	now *now
}

// now is the provider as it is configured.
type now struct {
	settings settings
	servers  string // StateDir/servers
	turns    turns.Dir
	log      *slog.Logger
	machines sync.WaitGroup // waits of this process for the daemons that it started
}

var (
	_ cloud.Provider     = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// addresses is the turn at giving a server its address.
const addresses = "addresses"

// Configure implements plugins.Configurer. It takes away what died half made or
// half removed.
func (p *provider) Configure(ctx context.Context, s plugins.Settings) error {
	if !filepath.IsAbs(s.StateDir) {
		return plugins.Invalidf("state-dir", "%q is not absolute", s.StateDir)
	}
	n := &now{servers: filepath.Join(s.StateDir, "servers"), log: s.Log}
	if err := plugins.ReadConfig(s.Config, &n.settings); err != nil {
		return err
	}
	if err := n.settings.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(n.servers, 0o700); err != nil {
		return fmt.Errorf("make the directory of the servers: %w", err)
	}
	var err error
	if n.turns, err = turns.Open(filepath.Join(s.StateDir, "locks")); err != nil {
		return err
	}
	p.mu.Lock()
	p.now = n
	p.mu.Unlock()
	return n.sweep(ctx)
}

// sweep removes directories whose names start with a dot: they are neither
// servers yet nor any more.
func (n *now) sweep(ctx context.Context) error {
	turn, err := n.turns.Take(ctx, addresses)
	if err != nil {
		return err
	}
	defer turn.Release(ctx)
	entries, err := os.ReadDir(n.servers)
	if err != nil {
		return fmt.Errorf("list the servers: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			err = errors.Join(err, os.RemoveAll(filepath.Join(n.servers, e.Name())))
		}
	}
	return err
}

func (p *provider) open() (*now, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return nil, errors.New("the provider is not configured yet")
	}
	return p.now, nil
}

func (n *now) dirOf(token string) string { return filepath.Join(n.servers, onhost.IDOf(token)) }

// Create implements cloud.Provider.
func (p *provider) Create(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	n, err := p.open()
	if err != nil {
		return nil, err
	}
	o, err := readOptions(s, n.settings)
	if err != nil {
		return nil, err
	}
	r, err := n.begin(ctx, s, o)
	if err != nil {
		return nil, err
	}
	dir := n.dirOf(s.Token)
	err = ready(ctx, dir, r, time.Duration(o.BootTimeout))
	if _, never := errors.AsType[*broken](err); never {
		if err2 := p.Delete(ctx, s.Token); err2 != nil {
			n.log.Warn("a server that failed is still there", "server", s.Name, "error", err2)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("start server %q: %w", s.Name, err)
	}
	made := r.server(stateOf(dir, r))
	return &made, nil
}

// begin makes the server of a token, if there is none, and starts it.
func (n *now) begin(ctx context.Context, s cloud.Spec, o options) (record, error) {
	turn, err := n.turns.Take(ctx, s.Token)
	if err != nil {
		return record{}, err
	}
	defer turn.Release(ctx)
	dir := n.dirOf(s.Token)
	r, err := onhost.Read[record](dir)
	if errors.Is(err, fs.ErrNotExist) {
		r, err = n.make(ctx, s, o)
	}
	if err != nil {
		return r, fmt.Errorf("make server %q: %w", s.Name, err)
	}
	if r.Deleting {
		return r, plugins.RetryAfter(time.Second, fmt.Errorf("server %q is being deleted", r.Name))
	}
	if err := n.ensure(ctx, dir); err != nil {
		return r, fmt.Errorf("start server %q: %w", s.Name, err)
	}
	return r, nil
}

// make gives the server its address and its directory, which appears with all
// that belongs in it or not at all.
func (n *now) make(ctx context.Context, s cloud.Spec, o options) (record, error) {
	img, err := findImage(n.settings.Images, o.image)
	if err != nil {
		return record{}, err
	}
	if free, known := freeMemory(); known && o.Memory > free {
		return record{}, plugins.Errorf(plugins.Quota, "qemu: the server is to have %d MiB of memory, and the host has %d left", o.Memory, free)
	}
	data, err := o.data().Make(s.Env, maxUserData)
	if err != nil {
		return record{}, err
	}
	r := newRecord(s, o, n.settings, img, lowestPort(), time.Now())
	seed, err := seedOf(r.ID, r.Name, data)
	if err != nil {
		return r, err
	}
	turn, err := n.turns.Take(ctx, addresses)
	if err != nil {
		return r, err
	}
	defer turn.Release(ctx)
	all, err := onhost.ReadAll[record](n.servers)
	if err != nil {
		return r, err
	}
	taken := map[string]bool{}
	for _, other := range all {
		taken[other.Address] = true
	}
	if r.Address, err = onhost.PickAddress(taken, r.hostPorts()...); err != nil {
		return r, err
	}
	tmp := filepath.Join(n.servers, ".new-"+r.ID)
	if err := errors.Join(os.RemoveAll(tmp), os.Mkdir(tmp, 0o700)); err != nil {
		return r, err
	}
	if err := errors.Join(n.overlay(ctx, tmp, img, o.Disk), onhost.WriteFile(filepath.Join(tmp, seedFile), seed, true), onhost.Write(tmp, r)); err != nil {
		return r, errors.Join(err, os.RemoveAll(tmp))
	}
	if err := os.Rename(tmp, filepath.Join(n.servers, r.ID)); err != nil {
		return r, err
	}
	return r, onhost.SyncDir(n.servers)
}

// overlay makes the disk: what the server changes of the image.
func (n *now) overlay(ctx context.Context, dir string, img image, gib int) error {
	args := []string{"create", "-q", "-f", "qcow2", "-b", img.Disk, "-F", img.Format, filepath.Join(dir, diskFile)}
	if gib > 0 {
		args = append(args, fmt.Sprintf("%dG", gib))
	}
	cmd := exec.CommandContext(ctx, n.settings.tool(), args...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("qemu: make the disk: %w: %.500s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Get implements cloud.Provider.
func (p *provider) Get(ctx context.Context, token string) (*cloud.Server, error) {
	n, err := p.open()
	if err != nil {
		return nil, err
	}
	dir := n.dirOf(token)
	r, err := onhost.Read[record](dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, plugins.Errorf(plugins.NotFound, "qemu: there is no server with this token")
	}
	if err != nil {
		return nil, err
	}
	found := n.look(ctx, dir, r)
	return &found, nil
}

// List implements cloud.Provider.
func (p *provider) List(ctx context.Context, tags map[string]string) ([]cloud.Server, error) {
	n, err := p.open()
	if err != nil {
		return nil, err
	}
	all, err := onhost.ReadAll[record](n.servers)
	if err != nil {
		return nil, err
	}
	list := []cloud.Server{}
	for id, r := range all {
		if plugins.HasTags(r.Tags, tags) {
			list = append(list, n.look(ctx, filepath.Join(n.servers, id), r))
		}
	}
	slices.SortFunc(list, func(a, b cloud.Server) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return list, ctx.Err()
}

// look gives a server as it is, after starting its daemon if that has died, for
// instance with the host. A server that another call works on is left to it.
func (n *now) look(ctx context.Context, dir string, r record) cloud.Server {
	if r.Deleting || onhost.IsLocked(filepath.Join(dir, onhost.LockFile)) {
		return r.server(stateOf(dir, r))
	}
	turn, err := n.turns.Try(r.Token)
	if err != nil || turn == nil {
		return r.server(stateOf(dir, r))
	}
	defer turn.Release(ctx)
	again, err := onhost.Read[record](dir)
	if err != nil || again.Deleting {
		return r.server(cloud.Deleting)
	}
	if err := n.ensure(ctx, dir); err != nil {
		n.log.Warn("server does not start again", "server", r.Name, "dir", dir, "error", err)
		return r.server(cloud.Failed)
	}
	return r.server(stateOf(dir, r))
}

// Delete implements cloud.Provider.
func (p *provider) Delete(ctx context.Context, token string) error {
	n, err := p.open()
	if err != nil {
		return err
	}
	turn, err := n.turns.Take(ctx, token)
	if err != nil {
		return err
	}
	defer turn.Release(ctx)
	dir := n.dirOf(token)
	r, err := onhost.Read[record](dir)
	if errors.Is(err, fs.ErrNotExist) {
		return end(ctx, dir) // somebody may have removed the directory by hand
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
	if err := end(ctx, dir); err != nil {
		return fmt.Errorf("stop server %q: %w", r.Name, err)
	}
	// Under a name with a dot a half removed directory is nobody's server.
	gone := filepath.Join(n.servers, ".gone-"+r.ID)
	if err := errors.Join(os.RemoveAll(gone), os.Rename(dir, gone)); err != nil {
		return fmt.Errorf("remove server %q: %w", r.Name, err)
	}
	return os.RemoveAll(gone)
}
