package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/wright-build/wright/plugins/cloud"
)

// How one token comes to one server, whoever dies when:
//
//   - Its ports are made first, named after the token. The first of them is the
//     claim. A request for a server names the claim, and nova makes no server
//     that runs of a port that is not there.
//   - Who finds a claim without a server finds a call that was given up, whose
//     request may still be on its way. He deletes the claim, so that the request
//     fails, and makes another. The same is done when the answer to a request is
//     lost and no server shows up.
//   - Should two servers of a token appear all the same, the one whose claim
//     exists counts, then the one that runs, then the oldest. Create deletes the
//     others, and Delete deletes all.
//   - Delete goes from the outside in: floating IPs, claims that nothing uses,
//     servers, ports. What is left at any moment still leads to the rest: servers
//     are found by tag, ports by name, floating IPs by description.

// machine is a server of nova's with its record.
type machine struct {
	servers.Server
	record  record
	volumes []string // that end with it
}

// disks is what nova says of a server's volumes.
type disks struct {
	Attached []struct {
		ID   string `json:"id"`
		Ends bool   `json:"delete_on_termination"`
	} `json:"os-extended-volumes:volumes_attached"`
}

// ending gives those that end with the server. Others are somebody's data.
func (d disks) ending() []string {
	var ids []string
	for _, v := range d.Attached {
		if v.Ends {
			ids = append(ids, v.ID)
		}
	}
	return ids
}

// things are all that the cloud has of a token.
type things struct {
	servers  []machine
	ports    []ports.Port
	floating []floatingips.FloatingIP
}

func (t things) none() bool { return len(t.servers)+len(t.ports)+len(t.floating) == 0 }

// find asks the cloud for all that it has of a token.
func (s *session) find(ctx context.Context, id identity) (things, error) {
	var t things
	var err error
	if t.servers, err = s.servers(ctx, id.tags()...); err != nil {
		return t, err
	}
	if t.ports, err = s.ports(ctx, id); err != nil {
		return t, err
	}
	pages, err := floatingips.List(s.network, floatingips.ListOpts{Description: id.name()}).AllPages(ctx)
	if err == nil {
		t.floating, err = floatingips.ExtractFloatingIPs(pages)
	}
	if err != nil {
		return t, wrong(ctx, "look for the server's floating IPs", err)
	}
	// Others' things are not touched, even if a cloud should not know the filter.
	t.floating = slices.DeleteFunc(t.floating, func(f floatingips.FloatingIP) bool { return f.Description != id.name() })
	strays, err := s.strays(ctx, t, id)
	t.servers = append(t.servers, strays...)
	return t, err
}

// ports lists the ports of a token.
func (s *session) ports(ctx context.Context, id identity) ([]ports.Port, error) {
	pages, err := ports.List(s.network, ports.ListOpts{Name: id.name()}).AllPages(ctx)
	var all []ports.Port
	if err == nil {
		all, err = ports.ExtractPorts(pages)
	}
	if err != nil {
		return nil, wrong(ctx, "look for the server's ports", err)
	}
	return slices.DeleteFunc(all, func(p ports.Port) bool { return p.Name != id.name() }), nil
}

// strays asks for servers that have a port of the token and are not in the list:
// nova leaves out what is in a cell that is down.
func (s *session) strays(ctx context.Context, t things, id identity) ([]machine, error) {
	var list []machine
	for _, port := range t.ports {
		listed := slices.ContainsFunc(t.servers, func(m machine) bool { return m.ID == port.DeviceID })
		if listed || port.DeviceID == "" || !strings.HasPrefix(port.DeviceOwner, "compute:") {
			continue
		}
		got := servers.Get(ctx, s.compute, port.DeviceID)
		if missing(got.Err) {
			continue
		}
		var d disks
		one, err := got.Extract()
		if err == nil {
			err = got.ExtractInto(&d)
		}
		if err != nil {
			return nil, wrong(ctx, "look for the server of port "+port.ID, err)
		}
		if tagged(*one, id.tags()) {
			r, _ := fromMetadata(one.Metadata)
			list = append(list, machine{*one, r, d.ending()})
		}
	}
	return list, nil
}

// servers lists the servers with all of some tags of ours.
func (s *session) servers(ctx context.Context, tags ...string) ([]machine, error) {
	pages, err := servers.List(s.compute, servers.ListOpts{Tags: strings.Join(tags, ",")}).AllPages(ctx)
	var all []servers.Server
	var attached []disks
	if err == nil {
		all, err = servers.ExtractServers(pages)
	}
	if err == nil {
		err = servers.ExtractServersInto(pages, &attached)
	}
	if err != nil {
		return nil, wrong(ctx, "list the servers", err)
	}
	var list []machine
	for i, one := range all {
		if tagged(one, tags) {
			r, _ := fromMetadata(one.Metadata) // without a token where it is damaged
			list = append(list, machine{one, r, attached[i].ending()})
		}
	}
	return list, nil
}

func tagged(s servers.Server, tags []string) bool {
	for _, tag := range tags {
		if s.Tags == nil || !slices.Contains(*s.Tags, tag) {
			return false
		}
	}
	return true
}

// state is the server's, in our words.
func (m machine) state() string {
	switch {
	case m.Status == "DELETED" || m.Status == "SOFT_DELETED" || m.TaskState == "deleting":
		return cloud.Deleting
	case m.Status == "ERROR":
		return cloud.Failed
	case m.Status == "BUILD" || m.Status == "UNKNOWN" || m.Status == "":
		return cloud.Starting
	}
	return cloud.Running
}

// rank orders the servers of one token: the first one counts.
func (m machine) rank(claims map[string]bool) int {
	rank := map[string]int{cloud.Running: 1, cloud.Starting: 2, cloud.Failed: 3, cloud.Deleting: 4}[m.state()]
	if claims != nil && !claims[m.record.claim()] {
		rank += 10
	}
	return rank
}

// order puts the server that counts first. claims may be nil when it is not known
// which there are.
func order(all []machine, claims map[string]bool) {
	slices.SortStableFunc(all, func(a, b machine) int {
		return cmp.Or(cmp.Compare(a.rank(claims), b.rank(claims)), a.record.Created.Compare(b.record.Created), cmp.Compare(a.ID, b.ID))
	})
}

// claims are the IDs of the ports.
func (t things) claims() map[string]bool {
	ids := map[string]bool{}
	for _, p := range t.ports {
		ids[p.ID] = true
	}
	return ids
}

// standing is the server that a Create of the token gives; nil when there is
// none that is of use.
func (t things) standing() *machine {
	order(t.servers, t.claims())
	if len(t.servers) == 0 {
		return nil
	}
	first := &t.servers[0]
	if s := first.state(); s == cloud.Failed || s == cloud.Deleting || first.record.Token == "" {
		return nil
	}
	return first
}
