package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// front is what the host calls. It passes calls on to the provider that the last
// Configure made.
type front struct {
	mu  sync.Mutex // guards all below
	now *provider
}

// provider makes servers in one cloud for one installation.
type provider struct {
	settings     settings
	installation string
	log          *slog.Logger
	locks        *locks

	making chan struct{} // holds a value for each call that makes something: clouds do not like many at once
	logins chan struct{} // holds a value while somebody has it, and guards what is below
	in     *session      // nil before the first login
}

// maxMaking is how many servers are asked for at the same time. How many boot is
// not limited.
const maxMaking = 6

var (
	_ cloud.Provider     = (*front)(nil)
	_ cloud.Consoler     = (*front)(nil)
	_ plugins.Configurer = (*front)(nil)
)

// Configure implements plugins.Configurer. It does not log in: a cloud that does
// not answer just now must not keep an agent from starting.
func (f *front) Configure(_ context.Context, s plugins.Settings) error {
	p := &provider{installation: s.Installation, log: s.Log, making: make(chan struct{}, maxMaking), logins: make(chan struct{}, 1)}
	if err := plugins.ReadConfig(s.Config, &p.settings); err != nil {
		return err
	}
	if err := p.settings.check(); err != nil {
		return err
	}
	if !filepath.IsAbs(s.StateDir) {
		return plugins.Invalidf("state-dir", "%q is not absolute", s.StateDir)
	}
	dir := filepath.Join(s.StateDir, "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the locks: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now != nil && f.now.locks.dir == dir {
		p.locks = f.now.locks
	} else {
		p.locks = &locks{dir: dir}
	}
	f.now = p
	return nil
}

// open gives the provider, logged in.
func (f *front) open(ctx context.Context) (*provider, *session, error) {
	f.mu.Lock()
	p := f.now
	f.mu.Unlock()
	if p == nil {
		return nil, nil, errors.New("the provider is not configured yet")
	}
	s, err := p.session(ctx)
	return p, s, err
}

// noted forgets a login that the cloud refuses by now; the next call reads the
// credentials anew. Nothing is to be done while somebody logs in.
func (p *provider) noted(err error) error {
	if plugins.CodeOf(err) == plugins.Denied {
		select {
		case p.logins <- struct{}{}:
			p.in = nil
			<-p.logins
		default:
		}
	}
	return err
}

// Create implements cloud.Provider.
func (f *front) Create(ctx context.Context, spec cloud.Spec) (*cloud.Server, error) {
	o, err := readOptions(spec)
	if err != nil {
		return nil, err
	}
	p, s, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	w := wish{
		id: identify(p.installation, spec.Token), options: o, rules: rulesOf(o.Ingress),
		record: newRecord(spec, o, p.installation, time.Now()),
	}
	if w.data, err = o.data().Make(spec.Env, maxUserData); err != nil {
		return nil, err
	}
	if err := w.record.fits(); err != nil {
		return nil, err
	}
	id, err := p.begin(ctx, s, w)
	if err != nil {
		return nil, p.noted(err)
	}
	made, err := p.ready(ctx, s, id, w)
	if _, never := errors.AsType[*broken](err); never {
		other, err2 := p.discard(ctx, s, w.id, id)
		if err2 != nil {
			p.log.Warn("a server that failed is still there", "server", spec.Name, "error", err2)
		}
		if other != "" {
			made, err = p.ready(ctx, s, other, w)
		}
	}
	return made, p.noted(err)
}

// begin gives the ID of the token's server, which may not be up yet.
func (p *provider) begin(ctx context.Context, s *session, w wish) (string, error) {
	held, err := p.locks.take(ctx, w.id.token)
	if err != nil {
		return "", wrong(ctx, "create the server", err)
	}
	defer held.release()
	found, err := s.find(ctx, w.id)
	if err != nil {
		return "", err
	}
	if m := found.standing(); m != nil {
		held.settled(ctx, true) // the request for the server is the last one
		return m.ID, s.drop(ctx, found.without(m.ID))
	}
	select {
	case p.making <- struct{}{}:
		defer func() { <-p.making }()
	case <-ctx.Done():
		return "", wrong(ctx, "wait for other calls that make servers", ctx.Err())
	}
	if w.choice, err = s.choose(ctx, w.options); err != nil {
		return "", err
	}
	if w.groups, err = s.otherGroups(ctx, w.options.SecurityGroups); err != nil {
		return "", err
	}
	if !found.none() { // what a call that was given up left
		if err := p.clear(ctx, s, w.id); err != nil {
			return "", err
		}
	}
	if err := held.begin(ctx); err != nil {
		return "", wrong(ctx, "create the server", err)
	}
	w.held = held
	id, err := p.make(ctx, s, w)
	if err == nil || ctx.Err() == nil && plugins.CodeOf(err) != plugins.Transient {
		held.settled(ctx, false)
	}
	return id, err
}

// Get implements cloud.Provider.
func (f *front) Get(ctx context.Context, token string) (*cloud.Server, error) {
	p, s, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.find(ctx, identify(p.installation, token))
	if err != nil {
		return nil, p.noted(err)
	}
	order(found.servers, found.claims())
	for _, m := range found.servers {
		if m.record.Token == token {
			got := m.record.server(m.state())
			return &got, nil
		}
	}
	for _, port := range found.ports {
		if r, err := unpack(port.Description); err == nil && r.Token == token {
			got := r.server(cloud.Starting)
			return &got, nil
		}
	}
	return nil, plugins.Errorf(plugins.NotFound, "openstack: there is no server with this token")
}

// List implements cloud.Provider. A claim without a server is listed as a server
// that starts: somebody died between the two, and Delete removes it.
func (f *front) List(ctx context.Context, tags map[string]string) ([]cloud.Server, error) {
	p, s, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	id := identify(p.installation, "")
	claims, err := s.claims(ctx, id) // before the servers, or one made meanwhile would look like a claim
	if err != nil {
		return nil, p.noted(err)
	}
	machines, err := s.servers(ctx, id.installationTag())
	if err != nil {
		return nil, p.noted(err)
	}
	if len(machines)+len(claims) == 0 { // a call that died may have left its security group
		if err := s.dropGroups(ctx, id); err != nil {
			p.log.Warn("security groups that nothing uses are still there", "error", err)
		}
	}
	return selected(machines, claims, tags, func(m machine) {
		p.log.Warn("the metadata of a server are damaged; it is left alone", "server", m.ID, "name", m.Name)
	}), nil
}

// claims lists the records of all ports of the installation.
func (s *session) claims(ctx context.Context, id identity) ([]record, error) {
	pages, err := ports.List(s.network, portFields{}).AllPages(ctx)
	var all []ports.Port
	if err == nil {
		all, err = ports.ExtractPorts(pages)
	}
	if err != nil {
		return nil, wrong(ctx, "list the ports", err)
	}
	var list []record
	for _, port := range all {
		if !strings.HasPrefix(port.Name, id.prefix()) {
			continue
		}
		if r, err := unpack(port.Description); err == nil {
			list = append(list, r)
		}
	}
	return list, nil
}

// portFields asks for no more than is needed: there may be thousands of ports.
type portFields struct{}

// ToPortListQuery implements ports.ListOptsBuilder.
func (portFields) ToPortListQuery() (string, error) {
	return "?fields=id&fields=name&fields=description", nil
}

// selected makes one list of servers and claims: one thing for each token.
func selected(machines []machine, claims []record, tags map[string]string, damaged func(machine)) []cloud.Server {
	order(machines, nil)
	seen := map[string]bool{}
	list := []cloud.Server{}
	add := func(r record, state string) {
		if !seen[r.Token] && plugins.HasTags(r.Tags, tags) {
			list = append(list, r.server(state))
		}
		seen[r.Token] = true
	}
	for _, m := range machines {
		if m.record.Token == "" {
			damaged(m)
			continue
		}
		add(m.record, m.state())
	}
	for _, r := range claims {
		add(r, cloud.Starting)
	}
	slices.SortFunc(list, func(a, b cloud.Server) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return list
}

// Delete implements cloud.Provider.
func (f *front) Delete(ctx context.Context, token string) error {
	p, s, err := f.open(ctx)
	if err != nil {
		return err
	}
	return p.noted(p.delete(ctx, s, identify(p.installation, token)))
}

func (p *provider) delete(ctx context.Context, s *session, id identity) error {
	held, err := p.locks.take(ctx, id.token)
	if err != nil {
		return wrong(ctx, "delete the server", err)
	}
	defer held.release()
	return p.remove(ctx, s, id, held)
}

// discard removes a server that will never be of use, and what belongs to it. If
// there is a better one of the token, of another agent or of a request that was
// carried out twice, that stays, and its ID is given.
func (p *provider) discard(ctx context.Context, s *session, id identity, server string) (better string, err error) {
	held, err := p.locks.take(ctx, id.token)
	if err != nil {
		return "", wrong(ctx, "delete the server", err)
	}
	defer held.release()
	found, err := s.find(ctx, id)
	if err != nil {
		return "", err
	}
	if m := found.standing(); m != nil && m.ID != server {
		return m.ID, s.drop(ctx, found.without(m.ID))
	}
	return "", p.remove(ctx, s, id, held)
}

// Console implements cloud.Consoler.
func (f *front) Console(ctx context.Context, token string) ([]byte, error) {
	p, s, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.servers(ctx, identify(p.installation, token).tags()...)
	if err != nil {
		return nil, p.noted(err)
	}
	order(all, nil)
	if len(all) == 0 {
		return nil, plugins.Errorf(plugins.NotFound, "openstack: there is no server with this token")
	}
	output, err := servers.ShowConsoleOutput(ctx, s.compute, all[0].ID, servers.ShowConsoleOutputOpts{}).Extract()
	if err != nil {
		return nil, p.noted(wrong(ctx, "show the console of server "+all[0].Name, err))
	}
	return []byte(output), nil
}
