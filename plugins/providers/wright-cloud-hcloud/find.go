package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// machine is a server of the cloud's with its record, which is empty where it is
// damaged.
type machine struct {
	*hcloud.Server
	record record
}

func newMachine(s *hcloud.Server) machine {
	r, err := fromLabels(s.Labels)
	if err != nil {
		r = record{}
	}
	return machine{s, r}
}

// pageSize is the most that the API gives at once:
// https://docs.hetzner.cloud/reference/cloud#description/pagination.
const pageSize = 50

// find gives the token's server; nil when there is none.
func (s *session) find(ctx context.Context, id identity) (*machine, error) {
	all, err := s.pass(ctx, id.one(), "id:asc")
	if err != nil {
		return nil, wrong(ctx, "look for the server", err)
	}
	for _, found := range all {
		if found.Labels[installationLabel] == id.installation && found.Labels[tokenLabel] == id.token {
			m := newMachine(found)
			return &m, nil
		}
	}
	return nil, nil
}

// list gives all servers of the installation. What moves between pages while
// they are read could be missed: so longer lists are read twice, from both ends,
// and what only one pass has is asked for by itself.
func (s *session) list(ctx context.Context, id identity) ([]machine, error) {
	const doing = "list the servers"
	first, err := s.pass(ctx, id.all(), "id:asc")
	if err != nil {
		return nil, wrong(ctx, doing, err)
	}
	sure := first
	if len(first) >= pageSize {
		second, err := s.pass(ctx, id.all(), "id:desc")
		if err != nil {
			return nil, wrong(ctx, doing, err)
		}
		if sure, err = s.settle(ctx, first, second); err != nil {
			return nil, wrong(ctx, doing, err)
		}
	}
	list := make([]machine, 0, len(sure))
	for _, i := range slices.Sorted(maps.Keys(sure)) {
		if sure[i].Labels[installationLabel] == id.installation { // others' are not touched, even if the API should not know the selector
			list = append(list, newMachine(sure[i]))
		}
	}
	return list, nil
}

// pass reads all pages of a selection.
func (s *session) pass(ctx context.Context, selector, sort string) (map[int64]*hcloud.Server, error) {
	all := map[int64]*hcloud.Server{}
	for page := 1; page != 0; {
		list, answer, err := s.api.Server.List(ctx, hcloud.ServerListOpts{
			ListOpts: hcloud.ListOpts{Page: page, PerPage: pageSize, LabelSelector: selector}, Sort: []string{sort},
		})
		if err != nil {
			return nil, err
		}
		if answer.Meta.Pagination == nil {
			return nil, errors.New("the answer has no pages")
		}
		for _, one := range list {
			all[one.ID] = one
		}
		if next := answer.Meta.Pagination.NextPage; next != 0 && next <= page {
			return nil, fmt.Errorf("after page %d comes page %d", page, next)
		}
		page = answer.Meta.Pagination.NextPage
	}
	return all, nil
}

// settle asks for what is in one pass only.
func (s *session) settle(ctx context.Context, first, second map[int64]*hcloud.Server) (map[int64]*hcloud.Server, error) {
	sure := maps.Clone(second)
	maps.Copy(sure, first)
	for i := range sure {
		if first[i] != nil && second[i] != nil {
			continue
		}
		now, _, err := s.api.Server.GetByID(ctx, i)
		if err != nil {
			return nil, err
		}
		if sure[i] = now; now == nil {
			delete(sure, i)
		}
	}
	return sure, nil
}

// state is the server's, in our words.
func (m machine) state() string {
	switch m.Status {
	case hcloud.ServerStatusRunning, hcloud.ServerStatusMigrating:
		return cloud.Running
	case hcloud.ServerStatusDeleting:
		return cloud.Deleting
	case hcloud.ServerStatusOff, hcloud.ServerStatusStopping:
		if !m.Locked {
			return cloud.Failed // somebody switched it off
		}
	}
	return cloud.Starting
}

// address is where the server is reached; "" while it has none.
func (m machine) address() string {
	switch net := m.PublicNet; {
	case !net.IPv4.IsUnspecified():
		return net.IPv4.IP.String()
	case len(net.IPv6.IP) == 16 && !net.IPv6.IP.IsUnspecified():
		ip := slices.Clone(net.IPv6.IP)
		ip[15] |= 1 // the network's first address is what images take
		return ip.String()
	case len(m.PrivateNet) > 0 && m.PrivateNet[0].IP != nil:
		return m.PrivateNet[0].IP.String()
	}
	return ""
}

// server is the machine as callers see it.
func (m machine) server() cloud.Server {
	vars := map[string]string{}
	set := func(name, value string) {
		if value != "" {
			vars["WRIGHT_APPSERVER_"+name] = value
		}
	}
	address := m.address()
	set("ADDRESS", address)
	set("USER", m.record.User)
	if len(m.PrivateNet) > 0 && m.PrivateNet[0].IP != nil {
		set("PRIVATE_ADDRESS", m.PrivateNet[0].IP.String())
	}
	if m.record.Port != 0 {
		set("PORT", fmt.Sprint(m.record.Port))
	}
	return cloud.Server{
		Token: m.record.Token, Name: m.record.Name, Address: address, Port: m.record.Port, State: m.state(), Tags: m.record.Tags,
		CreatedAt: m.record.Created, Variables: vars,
	}
}

// byName finds what a manifest names, with the API's own look-up by name.
func byName[T any](ctx context.Context, what, field string, names []string, get func(context.Context, string) (*T, *hcloud.Response, error)) ([]*T, error) {
	var all []*T
	for i, name := range names {
		one, _, err := get(ctx, name)
		if err != nil {
			return nil, wrong(ctx, fmt.Sprintf("look for the %s %q", what, name), err)
		}
		if one == nil {
			return nil, plugins.Invalidf(fmt.Sprintf("config.%s[%d]", field, i+1), "the project has no %s %.60q", what, name)
		}
		all = append(all, one)
	}
	return all, nil
}
