package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/turns"
)

// maxUserData is how many bytes Hetzner takes:
// https://docs.hetzner.cloud/reference/cloud#servers-create-a-server.
const maxUserData = 32 << 10

// wish is the server that is wanted.
type wish struct {
	id      identity
	options options
	labels  map[string]string
	data    []byte
}

const lostTries = 4 // of a request whose answer is lost

// begin gives the ID of the token's server, which may not be up yet.
func (s *session) begin(ctx context.Context, w wish) (int64, error) {
	turn, err := s.turns.Take(ctx, w.id.token)
	if err != nil {
		return 0, wrong(ctx, "create the server", err)
	}
	defer turn.Release(ctx)
	m, err := s.find(ctx, w.id)
	if err != nil {
		return 0, err
	}
	if m != nil && m.state() == cloud.Deleting {
		if err := s.remove(ctx, m); err != nil {
			return 0, err
		}
		m = nil
	}
	if m == nil {
		return s.make(ctx, w, turn)
	}
	turn.Settled() // any other request for it is refused: the name is taken
	return m.ID, nil
}

// make asks for the server until it is there or surely will not be.
func (s *session) make(ctx context.Context, w wish, turn *turns.Turn) (int64, error) {
	opts, err := s.request(ctx, w)
	if err != nil {
		return 0, err
	}
	if err := turn.Ask(ctx); err != nil {
		return 0, wrong(ctx, "create the server", err)
	}
	for try := 1; ; try++ {
		plugins.Report(ctx, "asking for the server", 0.1)
		id, err := s.ask(ctx, w, opts)
		if lost, err2 := s.lostFirewall(ctx, opts, err); lost && try < lostTries {
			if opts, err = s.request(ctx, w); err == nil {
				continue
			}
		} else if err2 != nil {
			return 0, wrong(ctx, "create the server", err2)
		}
		if err == nil || refused(err) {
			turn.Settled()
			return id, wrong(ctx, "create the server", err)
		}
		// Nobody knows what became of the request. It may be sent again, as no two
		// servers can have the name.
		if m, err2 := s.find(ctx, w.id); err2 == nil && m != nil {
			turn.Settled()
			return m.ID, nil
		}
		if try == lostTries || !sleep(ctx, 100*time.Millisecond<<try) {
			return 0, wrong(ctx, "create the server", err)
		}
	}
}

// ask sends the request, for each location in turn while there is no room.
func (s *session) ask(ctx context.Context, w wish, opts hcloud.ServerCreateOpts) (int64, error) {
	locations := w.options.Locations
	if len(locations) == 0 {
		locations = []string{""}
	}
	var err error
	for _, name := range locations {
		if opts.Location = nil; name != "" {
			opts.Location = &hcloud.Location{Name: name}
		}
		var id int64
		if id, err = s.askAt(ctx, w, opts); !noRoom(err) {
			return id, err
		}
	}
	return 0, err
}

func (s *session) askAt(ctx context.Context, w wish, opts hcloud.ServerCreateOpts) (int64, error) {
	made, _, err := s.api.Server.Create(ctx, opts)
	if err == nil && (made.Server.Name != opts.Name || made.Server.ID == 0) {
		err = fmt.Errorf("the answer is about the server %.60q", made.Server.Name)
	}
	if err == nil {
		return made.Server.ID, nil
	}
	if hcloud.IsError(err, hcloud.ErrorCodeUniquenessError) {
		m, err2 := s.find(ctx, w.id)
		if err2 == nil && m != nil {
			return m.ID, nil // another agent was faster, or an earlier request
		}
		if err2 == nil {
			err2 = plugins.Errorf(plugins.Exists, "there is a server %s that is not this installation's: %w", opts.Name, err)
		}
		return 0, err2
	}
	return 0, err
}

// request finds what the manifest names.
func (s *session) request(ctx context.Context, w wish) (hcloud.ServerCreateOpts, error) {
	o := w.options
	opts := hcloud.ServerCreateOpts{
		Name: w.id.name(), Labels: w.labels, UserData: string(w.data),
		ServerType: &hcloud.ServerType{Name: o.flavor}, Image: imageOf(o.image),
		PublicNet: &hcloud.ServerCreatePublicNet{EnableIPv4: o.IPv4, EnableIPv6: o.IPv6},
	}
	var err1, err2, err3 error
	opts.SSHKeys, err1 = byName(ctx, "SSH key", "key-names", o.KeyNames, s.api.SSHKey.GetByName)
	opts.Networks, err2 = byName(ctx, "network", "networks", o.Networks, s.api.Network.GetByName)
	others, err3 := byName(ctx, "firewall", "firewalls", o.Firewalls, s.api.Firewall.GetByName)
	if err := errors.Join(err1, err2, err3); err != nil {
		return opts, err
	}
	for _, f := range others {
		opts.Firewalls = append(opts.Firewalls, &hcloud.ServerCreateFirewall{Firewall: *f})
	}
	if o.Group != "" {
		groups, err := byName(ctx, "placement group", "placement-group", []string{o.Group}, s.api.PlacementGroup.GetByName)
		if err != nil {
			return opts, err
		}
		opts.PlacementGroup = groups[0]
	}
	if !o.IPv4 && !o.IPv6 {
		return opts, nil // firewalls guard public interfaces only
	}
	f, err := s.firewall(ctx, w)
	if err != nil {
		return opts, err
	}
	opts.Firewalls = append(opts.Firewalls, &hcloud.ServerCreateFirewall{Firewall: *f})
	return opts, nil
}

// lostFirewall says whether the cloud refused because a firewall is not there any
// more: another call may have removed ours just before, as nothing used it yet.
func (s *session) lostFirewall(ctx context.Context, opts hcloud.ServerCreateOpts, err error) (bool, error) {
	if !missing(err) && !hcloud.IsError(err, hcloud.ErrorCodeInvalidInput) {
		return false, nil
	}
	for _, f := range opts.Firewalls {
		now, _, err := s.api.Firewall.GetByID(ctx, f.Firewall.ID)
		if err != nil || now == nil {
			return err == nil, err
		}
	}
	return false, nil
}
