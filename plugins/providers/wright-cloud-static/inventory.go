package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/turns"
)

// inventory is the hosts, and the ways to them.
type inventory struct {
	settings settings
	owner    string  // the installation
	lines    []*line // one for each host
	turns    turns.Dir
}

func newInventory(s settings, owner string, dir turns.Dir) *inventory {
	n := &inventory{settings: s, owner: owner, turns: dir}
	const atOnce = 8 // keys cost time, here and there
	dialing := make(chan struct{}, atOnce)
	for _, h := range s.Hosts {
		n.lines = append(n.lines, newLine(s, h, dialing))
	}
	return n
}

func (n *inventory) hangUp() {
	for _, l := range n.lines {
		l.hangUp()
	}
}

// look reads the leases of all hosts at once.
func (n *inventory) look(ctx context.Context) []seen {
	all := make([]seen, len(n.lines))
	var wg sync.WaitGroup
	for i, l := range n.lines {
		wg.Go(func() {
			text, err := l.run(ctx, show)
			all[i] = read(i, text, err)
		})
	}
	wg.Wait()
	return all
}

func read(at int, text string, err error) seen {
	s := seen{at: at, text: text, err: err}
	if err == nil && text != "" {
		var parseErr error
		s.lease, parseErr = parseLease(text)
		s.known = parseErr == nil
	}
	return s
}

// change replaces a lease that was seen, nil by none, and gives what is there
// then: somebody may have been faster.
func (n *inventory) change(ctx context.Context, s seen, to *lease, environment *string) (seen, error) {
	fresh := ""
	if to != nil {
		var err error
		if fresh, err = to.text(); err != nil {
			return s, err
		}
	}
	text, err := n.lines[s.at].run(ctx, swap(s.text, fresh, environment))
	return read(s.at, text, err), err
}

// server is a lease as callers see it.
func (n *inventory) server(s seen) cloud.Server {
	h := n.settings.Hosts[s.at]
	return cloud.Server{
		Token: s.lease.Token, Name: s.lease.Name, Address: h.Address, Port: s.lease.Port, State: s.lease.State,
		Tags: s.lease.Tags, CreatedAt: s.lease.Created,
		Variables: map[string]string{
			"WRIGHT_APPSERVER_ADDRESS": h.Address, "WRIGHT_APPSERVER_PORT": strconv.Itoa(s.lease.Port), "WRIGHT_APPSERVER_USER": h.User,
			"WRIGHT_APPSERVER_SSH_PORT": strconv.Itoa(h.Port), "WRIGHT_APPSERVER_ENVIRONMENT": h.Directory + "/environment",
		},
	}
}

// servers are all leases, each token once: of two claims for one token one is
// going to be dropped.
func (n *inventory) servers(all []seen) []cloud.Server {
	type id struct{ owner, token string }
	best := map[id]seen{}
	for _, s := range all {
		if !s.known {
			continue
		}
		at := id{s.lease.Owner, s.lease.Token}
		if other, twice := best[at]; !twice || stage(s.lease) > stage(other.lease) ||
			stage(s.lease) == stage(other.lease) && s.lease.Created.Before(other.lease.Created) {
			best[at] = s
		}
	}
	var list []cloud.Server
	for _, s := range best {
		list = append(list, n.server(s))
	}
	slices.SortFunc(list, func(a, b cloud.Server) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Token, b.Token))
	})
	return list
}

// own is what was seen, with the hosts of other installations as held by nobody knows
// whom: a token is one of its installation.
func (n *inventory) own(all []seen) []seen {
	for i := range all {
		owner := all[i].lease.Owner
		all[i].known = all[i].known && (owner == "" || owner == n.owner)
	}
	return all
}

// away is the error of a look at which not every host answered.
func away(ctx context.Context, all []seen) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var errs []error
	for _, s := range all {
		if s.err != nil {
			errs = append(errs, s.err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return worst("not every host answers", errs)
}

// worst joins errors of hosts; what a person must mend gives the code.
func worst(what string, errs []error) error {
	code := plugins.Transient
	for _, err := range errs {
		if c := plugins.CodeOf(err); c != plugins.Transient && c != plugins.Unknown {
			code = c
		}
	}
	const most = 5
	if n := len(errs); n > most {
		errs = append(errs[:most:most], fmt.Errorf("and %d more", n-most))
	}
	return &plugins.Error{Code: code, Err: fmt.Errorf("%s: %w", what, codeless(errors.Join(errs...)))}
}

// codeless keeps the words of errors: their code is that of the whole.
func codeless(err error) error { return errors.New(err.Error()) }
