package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"

	"example.com/wright-cloud-rack/rack"
)

// between is how long to wait before a machine is looked at again.
const between = 20 * time.Millisecond // seconds, where machines take minutes

// Create implements cloud.Provider. The token is the API's idempotency key and
// the tags are in the same request, so there is no moment at which a kill leaves
// a machine that nobody finds, and no way to a second one.
func (p *provider) Create(ctx context.Context, s cloud.Spec) (*cloud.Server, error) {
	c, err := p.configured()
	if err != nil {
		return nil, err
	}
	o, err := orderOf(s)
	if err != nil {
		return nil, err
	}
	plugins.Report(ctx, "ordering the machine", 0)
	m, err := p.order(ctx, c, s.Token, o)
	for errors.Is(err, errEnding) { // its Delete is under way, perhaps in a process before this one
		plugins.Report(ctx, "waiting for the end of the machine before", 0)
		if err = pause(ctx, between); err == nil {
			m, err = p.order(ctx, c, s.Token, o)
		}
	}
	for err == nil && m.State == "booting" {
		plugins.Report(ctx, m.ID+" boots", 0.5)
		if err = pause(ctx, between); err == nil {
			m, err = p.get(ctx, s.Token)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make machine %q: %w", s.Name, err)
	}
	return server(m), nil
}

func (p *provider) order(ctx context.Context, c *client, token string, o rack.Order) (rack.Machine, error) {
	end, err := p.orders.begin(ctx, token)
	if err != nil {
		return rack.Machine{}, err
	}
	defer end()
	return c.create(ctx, token, o)
}

// orderOf reads what the manifest says.
func orderOf(s cloud.Spec) (rack.Order, error) {
	var o struct {
		Size  string `json:"size"`
		Image string `json:"image"`
		Port  int    `json:"port"`
	}
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return rack.Order{}, err
	}
	labels, err := labels(s.Tags, s.Token, o.Port)
	return rack.Order{
		Name: s.Name, Size: cmp.Or(s.Flavor, o.Size), Image: cmp.Or(s.Image, o.Image), Labels: labels, UserData: s.Env,
	}, err
}

// Get implements cloud.Provider.
func (p *provider) Get(ctx context.Context, token string) (*cloud.Server, error) {
	m, err := p.get(ctx, token)
	if err != nil {
		return nil, err
	}
	return server(m), nil
}

func (p *provider) get(ctx context.Context, token string) (rack.Machine, error) {
	c, err := p.configured()
	if err != nil {
		return rack.Machine{}, err
	}
	found, err := c.byKey(ctx, token)
	if err == nil && len(found) == 0 {
		err = plugins.Errorf(plugins.NotFound, "the rack has no such machine")
	}
	if err != nil {
		return rack.Machine{}, fmt.Errorf("find the machine: %w", err)
	}
	return found[0], nil
}

// List implements cloud.Provider. The API selects by one label; the others are
// looked at here.
func (p *provider) List(ctx context.Context, tags map[string]string) ([]cloud.Server, error) {
	c, err := p.configured()
	if err != nil {
		return nil, err
	}
	found, err := c.byTags(ctx, tags)
	if err != nil {
		return nil, fmt.Errorf("list the machines: %w", err)
	}
	list := []cloud.Server{}
	for _, m := range found {
		if s := server(m); plugins.HasTags(s.Tags, tags) {
			list = append(list, *s)
		}
	}
	return list, nil
}

// Delete implements cloud.Provider. The API says "accepted"; the machine is gone
// when it is no longer found.
func (p *provider) Delete(ctx context.Context, token string) error {
	c, err := p.configured()
	if err != nil {
		return err
	}
	end, err := p.orders.begin(ctx, token)
	if err != nil {
		return fmt.Errorf("end the machine: %w", err)
	}
	defer end()
	for {
		found, err := c.byKey(ctx, token)
		if err == nil && len(found) == 0 {
			return nil
		}
		for _, m := range found {
			if m.State != "ending" && err == nil {
				err = c.remove(ctx, m.ID)
			}
			plugins.Report(ctx, m.ID+" ends", 0.5)
		}
		if err == nil {
			err = pause(ctx, between)
		}
		if err != nil {
			return fmt.Errorf("end the machine: %w", err)
		}
	}
}

// Console implements cloud.Consoler.
func (p *provider) Console(ctx context.Context, token string) ([]byte, error) {
	m, err := p.get(ctx, token)
	if err != nil {
		return nil, err
	}
	c, err := p.configured()
	if err != nil {
		return nil, err
	}
	return c.console(ctx, m.ID)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
