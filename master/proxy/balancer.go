package proxy

import (
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
)

var _ balancer.Provider = (*Proxy)(nil)

// Set implements balancer.Provider. Requests go round among the targets. What
// was under way at a switch is waited for as with instances.
func (p *Proxy) Set(ctx context.Context, s balancer.Spec) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if s.Tags[plugins.InstallationTag] == "" {
		return plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody would own the route")
	}
	name := normal(s.Name)
	if strings.HasPrefix(name, "*") {
		return plugins.Errorf(plugins.Unsupported, "the proxy has no wildcards such as %s", name)
	}
	var addresses []string
	for _, t := range s.Targets {
		addresses = append(addresses, net.JoinHostPort(t.Address, strconv.Itoa(t.Port)))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.routes[name]
	switch {
	case ctx.Err() != nil: // while it waited for its turn
		return ctx.Err()
	case r == nil:
		r = &route{name: name}
		p.routes[name] = r
	case !r.ownedBy(s.Tags):
		return plugins.Errorf(plugins.Exists, "the route of %s belongs to somebody else", name)
	}
	r.tags, r.targets = maps.Clone(s.Tags), slices.Clone(s.Targets)
	p.turn(r, addresses)
	return nil
}

// List implements balancer.Provider. Names that the facts give are not listed:
// nobody has set them.
func (p *Proxy) List(_ context.Context, tags map[string]string) ([]balancer.Route, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var list []balancer.Route
	for name, r := range p.routes {
		if !r.followed && plugins.HasTags(r.tags, tags) {
			list = append(list, balancer.Route{Name: name, Targets: slices.Clone(r.targets), Tags: maps.Clone(r.tags)})
		}
	}
	slices.SortFunc(list, func(a, b balancer.Route) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Delete implements balancer.Provider.
func (p *Proxy) Delete(ctx context.Context, name string, tags map[string]string) error {
	if tags[plugins.InstallationTag] == "" {
		return plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody owns such a route")
	}
	name = normal(name)
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.routes[name]; r != nil && r.ownedBy(tags) && ctx.Err() == nil {
		p.turn(r, nil)
		delete(p.routes, name)
	}
	return ctx.Err()
}

func (r *route) ownedBy(tags map[string]string) bool {
	return !r.followed && r.tags[plugins.InstallationTag] == tags[plugins.InstallationTag]
}

// normal is the form in which names are compared.
func normal(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
