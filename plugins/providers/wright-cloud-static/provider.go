package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/cloudinit"
	"github.com/wright-build/wright/plugins/cloud/turns"
)

// provider is what the host calls. It works with what the last Configure gave.
type provider struct {
	mu  sync.Mutex // guards all below
	now *inventory
}

var (
	_ cloud.Provider     = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	var o settings
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	dir, err := turns.Open(filepath.Join(s.StateDir, "turns"))
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil && p.now.turns == dir && p.now.owner == s.Installation && reflect.DeepEqual(p.now.settings, o) {
		return nil
	}
	if p.now != nil {
		p.now.hangUp()
	}
	p.now = newInventory(o, s.Installation, dir)
	return nil
}

func (p *provider) inventory() (*inventory, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return nil, errors.New("the provider is not configured yet")
	}
	return p.now, nil
}

// Create implements cloud.Provider.
func (p *provider) Create(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	n, err := p.inventory()
	if err != nil {
		return nil, err
	}
	wanted, err := newLease(s, time.Now())
	if err != nil {
		return nil, err
	}
	wanted.Owner = n.owner
	turn, err := n.turns.Take(ctx, s.Token)
	if err != nil {
		return nil, fmt.Errorf("wait for another call on the same server: %w", err)
	}
	defer turn.Release(ctx)
	for {
		made, err := n.step(ctx, wanted, s)
		if err != nil {
			return nil, fmt.Errorf("lease a host for %q: %w", s.Name, err)
		}
		if made != nil {
			return made, nil
		}
	}
}

// step looks at all hosts and does one thing; nil means that there is more to do.
func (n *inventory) step(ctx context.Context, wanted lease, s cloud.Spec) (*cloud.Server, error) {
	all := n.own(n.look(ctx))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	action, at := decide(s.Token, all, func(i int) bool { return n.settings.Hosts[i].Flavor == s.Flavor })
	switch action {
	case give:
		made := n.server(at)
		return &made, nil
	case wait:
		return nil, plugins.RetryAfter(time.Second, fmt.Errorf("%s is being given back", n.settings.Hosts[at.at].dial()))
	case full:
		return nil, n.noRoom(s.Flavor, all)
	case drop:
		_, err := n.change(ctx, at, nil, nil)
		return nil, err
	case claim:
		_, err := n.change(ctx, at, &wanted, nil)
		return nil, err
	}
	confirmed, environment := at.lease.as(cloud.Running), cloudinit.EnvFile(s.Env)
	_, err := n.change(ctx, at, &confirmed, &environment)
	return nil, err
}

// noRoom says why there is no host. One that does not answer may be free.
func (n *inventory) noRoom(flavor string, all []seen) error {
	var there int
	var away []error
	for i, h := range n.settings.Hosts {
		if h.Flavor != flavor {
			continue
		}
		there++
		if all[i].err != nil {
			away = append(away, all[i].err)
		}
	}
	if len(away) > 0 {
		return worst("no host is free, and these do not answer", away)
	}
	return plugins.Errorf(plugins.Quota, "no host of the flavor %q is free; the inventory has %d", flavor, there)
}

// Get implements cloud.Provider.
func (p *provider) Get(ctx context.Context, token string) (*cloud.Server, error) {
	n, err := p.inventory()
	if err != nil {
		return nil, err
	}
	all := n.own(n.look(ctx))
	for _, s := range n.servers(all) {
		if s.Token == token {
			return &s, nil
		}
	}
	if err := away(ctx, all); err != nil {
		return nil, fmt.Errorf("look for the server: %w", err)
	}
	return nil, plugins.Errorf(plugins.NotFound, "there is no server with this token")
}

// List implements cloud.Provider. It fails when a host does not answer: nobody
// knows what is leased there.
func (p *provider) List(ctx context.Context, tags map[string]string) ([]cloud.Server, error) {
	n, err := p.inventory()
	if err != nil {
		return nil, err
	}
	all := n.look(ctx)
	if err := away(ctx, all); err != nil {
		return nil, fmt.Errorf("list the leases: %w", err)
	}
	return slices.DeleteFunc(n.servers(all), func(s cloud.Server) bool { return !plugins.HasTags(s.Tags, tags) }), nil
}

// Delete implements cloud.Provider.
func (p *provider) Delete(ctx context.Context, token string) error {
	n, err := p.inventory()
	if err != nil {
		return err
	}
	turn, err := n.turns.Take(ctx, token)
	if err != nil {
		return fmt.Errorf("wait for another call on the same server: %w", err)
	}
	defer turn.Release(ctx)
	for found := false; ; found = true {
		all := n.own(n.look(ctx))
		i := slices.IndexFunc(all, func(s seen) bool { return s.known && s.lease.Token == token })
		if i < 0 {
			err := away(ctx, all)
			if found && ctx.Err() == nil {
				return nil
			}
			if err != nil {
				err = fmt.Errorf("look for the server: %w", err)
			}
			return err
		}
		if err := n.release(ctx, all[i]); err != nil {
			return fmt.Errorf("give %s back: %w", n.settings.Hosts[i].dial(), err)
		}
	}
}

// release cleans a host and makes it free.
func (n *inventory) release(ctx context.Context, s seen) error {
	if s.lease.State != cloud.Deleting {
		deleting := s.lease.as(cloud.Deleting)
		now, err := n.change(ctx, s, &deleting, nil)
		if err != nil || !now.known || now.lease.State != cloud.Deleting {
			return err // somebody was faster: look again
		}
		s = now
	}
	for _, command := range []string{s.lease.Clean, n.settings.Clean} {
		if strings.TrimSpace(command) == "" {
			continue
		}
		plugins.Report(ctx, "clean "+n.settings.Hosts[s.at].dial(), 0)
		if err := n.lines[s.at].clean(ctx, command); err != nil {
			return err
		}
	}
	_, err := n.change(ctx, s, nil, nil)
	return err
}
