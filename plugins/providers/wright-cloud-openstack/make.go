package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/keypairs"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/wright-build/wright/plugins"
)

// wish is all that is known of a server before the cloud is asked for anything.
type wish struct {
	id      identity
	options options
	choice  choice
	rules   []rule
	groups  []string // additional ones, by ID
	data    []byte   // for cloud-init
	record  record
	held    *lock
}

// lostTries is how often a server is asked for when answers are lost.
const lostTries = 3

// make makes the server of a token that has nothing, and gives the server's ID.
// After an error that the cloud itself gave nothing is left.
func (p *provider) make(ctx context.Context, s *session, w wish) (id string, err error) {
	for range lostTries {
		var sure bool
		if id, sure, err = p.attempt(ctx, s, w); err == nil || ctx.Err() != nil {
			return id, err
		}
		if !sure {
			w.held.lost()
			if id := s.appears(ctx, w.id); id != "" {
				return id, nil
			}
		}
		if err2 := p.clear(ctx, s, w.id); err2 != nil { // the claim, too: a late request fails
			return "", errors.Join(err, err2)
		}
		if sure {
			return "", err
		}
	}
	return "", err
}

// attempt makes ports, the floating IP and asks for the server. sure says of an
// error that the server was not made.
func (p *provider) attempt(ctx context.Context, s *session, w wish) (_ string, sure bool, err error) {
	made, err := p.makePorts(ctx, s, w)
	if err != nil {
		return "", true, err
	}
	w.record.Address = addressOf(made[0])
	for _, port := range made {
		w.record.Ports = append(w.record.Ports, port.ID)
	}
	w.record.Group = w.id.groupName(w.rules)
	if w.choice.external != "" {
		ip, err := s.float(ctx, w, made[0].ID)
		if err != nil {
			return "", true, err
		}
		w.record.Inner, w.record.Address = w.record.Address, ip
	}
	opts, err := w.server(made)
	if err != nil {
		return "", true, err
	}
	plugins.Report(ctx, "asking nova for the server", 0.2)
	got, err := servers.Create(ctx, s.compute, opts, nil).Extract()
	if err == nil && got.ID == "" {
		err = errors.New("the answer holds no server")
	}
	if err != nil {
		told := wrong(ctx, fmt.Sprintf("create server %q", w.record.Name), err)
		if refused(err) && strings.Contains(err.Error(), made[0].ID) { // another agent took the claim away
			told = plugins.RetryAfter(time.Second, told)
		}
		return "", refused(err), told
	}
	return got.ID, true, nil
}

// server is what nova is asked for.
func (w wish) server(made []ports.Port) (servers.CreateOptsBuilder, error) {
	data, err := w.record.metadata()
	if err != nil {
		return nil, err
	}
	var nets []servers.Network
	for _, port := range made {
		nets = append(nets, servers.Network{Port: port.ID})
	}
	opts := servers.CreateOpts{
		Name: w.id.hostname(w.record.Name), FlavorRef: w.choice.flavor.ID, ImageRef: w.choice.image.ID, Networks: nets,
		Metadata: data, Tags: w.id.tags(), AvailabilityZone: w.options.Zone, ConfigDrive: w.options.ConfigDrive,
	}
	if len(w.data) > 0 {
		opts.UserData = w.data
	}
	if v := w.options.Volume; v != nil {
		opts.ImageRef = ""
		opts.BlockDevice = []servers.BlockDevice{{
			SourceType: servers.SourceImage, DestinationType: servers.DestinationVolume, UUID: w.choice.image.ID,
			VolumeSize: v.Size, VolumeType: v.Type, DeleteOnTermination: true,
		}}
	}
	if w.options.KeyName != "" {
		return keypairs.CreateOptsExt{CreateOptsBuilder: opts, KeyName: w.options.KeyName}, nil
	}
	return opts, nil
}

// makePorts makes a port in each network, the first being the claim.
func (p *provider) makePorts(ctx context.Context, s *session, w wish) ([]ports.Port, error) {
	description, err := w.record.description()
	if err != nil {
		return nil, err
	}
	var made []ports.Port
	var group *groups.SecGroup
	for tries := 0; len(made) < len(w.choice.networks); {
		if len(made) == 0 { // once a port uses it, it stays
			if group, err = p.ensureGroup(ctx, s, w.id.groupName(w.rules)); err != nil {
				return nil, err
			}
		}
		port, err := s.makePort(ctx, w, w.choice.networks[len(made)], description, group.ID)
		if err == nil {
			made = append(made, port)
			continue
		}
		doing := fmt.Sprintf("make a port in network %q", w.choice.networks[len(made)].Name)
		if tries++; tries > groupTries || ctx.Err() != nil || refused(err) && !lacksGroup(err) {
			return nil, wrong(ctx, doing, err)
		}
		if lacksGroup(err) { // it was deleted with its last other server
			sleep(ctx, groupPause(tries))
			continue
		}
		w.held.lost() // it may be there, as nobody's
		if err := p.clear(ctx, s, w.id); err != nil {
			return nil, err
		}
		made = nil
	}
	if err = p.keepGroup(ctx, s, group, w.rules); err != nil && !missing(err) { // see guard
		return nil, wrong(ctx, "keep the security group to its rules", err)
	}
	return made, nil
}

func (s *session) makePort(ctx context.Context, w wish, in network, description, group string) (ports.Port, error) {
	all := append([]string{group}, w.groups...)
	port, err := ports.Create(ctx, s.network, ports.CreateOpts{
		NetworkID: in.ID, Name: w.id.name(), Description: description, SecurityGroups: &all,
	}).Extract()
	if err != nil {
		return ports.Port{}, err
	}
	if port.ID == "" || addressOf(*port) == "" {
		return ports.Port{}, fmt.Errorf("network %s gave the port no address", in.Name)
	}
	return *port, nil
}

// addressOf is where a port is reached: IPv4 before IPv6, as everybody can.
func addressOf(p ports.Port) string {
	address := ""
	for _, ip := range p.FixedIPs {
		if address == "" || strings.Contains(address, ":") && !strings.Contains(ip.IPAddress, ":") {
			address = ip.IPAddress
		}
	}
	return address
}

// float gives the claim a floating IP. It is made with the port that it leads to.
func (s *session) float(ctx context.Context, w wish, port string) (string, error) {
	plugins.Report(ctx, "taking a floating IP", 0.1)
	opts := floatingips.CreateOpts{FloatingNetworkID: w.choice.external, PortID: port, Description: w.id.name()}
	var err error
	for range lostTries {
		var got *floatingips.FloatingIP
		if got, err = floatingips.Create(ctx, s.network, opts).Extract(); err == nil && got.FloatingIP != "" {
			return got.FloatingIP, nil
		}
		if err == nil {
			err = errors.New("the answer holds no address")
		}
		if refused(err) || ctx.Err() != nil {
			break
		}
		found, err2 := s.find(ctx, w.id)
		if err2 != nil {
			break
		}
		for _, f := range found.floating {
			if f.PortID == port {
				return f.FloatingIP, nil
			}
		}
	}
	return "", wrong(ctx, "take a floating IP", err)
}

// appears looks for a server whose request's answer was lost; "" when there is none.
func (s *session) appears(ctx context.Context, id identity) string {
	for _, pause := range []time.Duration{0, 300 * time.Millisecond, time.Second, 2 * time.Second} {
		if !sleep(ctx, pause) {
			return ""
		}
		found, err := s.find(ctx, id)
		if err != nil {
			continue
		}
		if m := found.standing(); m != nil {
			return m.ID
		}
	}
	return ""
}
