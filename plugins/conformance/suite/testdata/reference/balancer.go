package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
)

// routes is the provider of the kind balancer. Where its settings have an
// endpoint it listens there and passes requests on.
type routes struct {
	*base
	listening sync.Once
}

var _ balancer.Provider = (*routes)(nil)

// Configure implements plugins.Configurer.
func (b *routes) Configure(ctx context.Context, s plugins.Settings) error {
	if err := b.base.Configure(ctx, s); err != nil {
		return err
	}
	if b.text("endpoint") != "" {
		b.listening.Do(func() { go b.listen(context.WithoutCancel(ctx), b.text("endpoint")) })
	}
	return nil
}

func (b *routes) all() ledger[balancer.Route] { return ledger[balancer.Route]{b.base, "routes"} }

func (b *routes) normal(name string) string {
	if !b.bug("dot matters") {
		name = strings.TrimSuffix(name, ".")
	}
	if !b.bug("case matters") {
		name = strings.ToLower(name)
	}
	if b.bug("wildcard cut") {
		name = strings.TrimPrefix(name, "*.")
	}
	return name
}

// Set implements balancer.Provider.
func (b *routes) Set(ctx context.Context, s balancer.Spec) error {
	owner := s.Tags[plugins.InstallationTag]
	if owner == "" && !b.bug("ownerless") {
		return plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody would own the route")
	}
	name := b.normal(s.Name)
	route := balancer.Route{Name: name, Targets: b.targets(s.Targets), Tags: b.tags(s.Tags)}
	if b.bug("removed first") {
		if err := b.Delete(ctx, s.Name, s.Tags); err != nil {
			return err
		}
	}
	if b.bug("one by one") {
		for i := range len(route.Targets) - 1 {
			err := b.put(ctx, balancer.Route{Name: name, Targets: route.Targets[:i+1], Tags: route.Tags}, owner)
			if err != nil {
				return err
			}
		}
	}
	return b.put(ctx, route, owner)
}

func (b *routes) put(ctx context.Context, route balancer.Route, owner string) error {
	return b.all().change(b.slowly(ctx, len(route.Targets)), func(all map[string]balancer.Route) error {
		old, ok := all[route.Name]
		switch {
		case !ok, old.Tags[plugins.InstallationTag] == owner, b.bug("takes over"),
			b.bug("owner without case") && strings.EqualFold(old.Tags[plugins.InstallationTag], owner):
		case b.bug("other not refused"):
			return nil
		case b.bug("other refused as invalid"):
			return plugins.Invalidf("name", "%s is taken", route.Name)
		default:
			return plugins.Errorf(plugins.Exists, "%s belongs to another installation", route.Name)
		}
		if b.bug("old kept") {
			route.Targets = append(old.Targets, route.Targets...)
		}
		if b.bug("tags of the first") && slices.Equal(old.Targets, route.Targets) {
			route.Tags = old.Tags
		}
		all[route.Name] = route
		return nil
	})
}

// targets is what is kept of them.
func (b *routes) targets(targets []balancer.Target) []balancer.Target {
	kept := []balancer.Target{}
	for i, t := range targets {
		a, err := netip.ParseAddr(t.Address)
		is6 := err == nil && a.Is6()
		switch {
		case b.bug("first target only") && i > 0, b.bug("ipv6 dropped") && is6:
			continue
		case b.bug("port lost"):
			t.Port = 80
		case b.bug("ipv6 cut") && is6:
			t.Address, _, _ = strings.Cut(t.Address, ":")
			t.Address += "0"
		}
		kept = append(kept, t)
	}
	return kept
}

// List implements balancer.Provider.
func (b *routes) List(ctx context.Context, tags map[string]string) ([]balancer.Route, error) {
	all, err := b.all().sorted(ctx)
	if err != nil {
		return nil, err
	}
	list := []balancer.Route{}
	for _, r := range all {
		if b.selects(r.Tags, tags) {
			list = append(list, r)
		}
	}
	return pages(b.base, list), nil
}

// Delete implements balancer.Provider.
func (b *routes) Delete(ctx context.Context, name string, tags map[string]string) error {
	owner := tags[plugins.InstallationTag]
	if owner == "" && !b.bug("ownerless") {
		return plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody would own the route")
	}
	if b.bug("delete lies") {
		return nil
	}
	name = b.normal(name)
	return b.all().change(ctx, func(all map[string]balancer.Route) error {
		r, ok := all[name]
		if !ok && b.bug("missing is an error") {
			return plugins.Errorf(plugins.NotFound, "there is no %s", name)
		}
		for k := range all {
			if b.bug("delete takes below") && strings.HasSuffix(k, "."+name) {
				delete(all, k)
			}
		}
		if ok && (r.Tags[plugins.InstallationTag] == owner || b.bug("deletes anybody's")) {
			delete(all, name)
		}
		return nil
	})
}

// listen serves until the process ends. The process before this one may still
// hold the address for a moment.
func (b *routes) listen(ctx context.Context, address string) {
	for {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err == nil {
			_ = http.Serve(l, b.handler())
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (b *routes) handler() http.Handler {
	late := &snapshot{}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		host := strings.ToLower(strings.TrimSuffix(r.In.Host, "."))
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		all, _ := b.all().read(r.In.Context())
		if b.bug("applied later", "other routes interrupted") {
			all = late.of(all, b.bug("other routes interrupted"))
		}
		r.SetURL(&url.URL{Scheme: "http", Host: choose(all[host].Targets)})
		r.Out.Host = r.In.Host
		if b.bug("host lost") {
			r.Out.Host = ""
		}
	}}
}

func choose(targets []balancer.Target) string {
	if len(targets) == 0 {
		return "127.0.0.1:1" // nobody is there, so the answer is 502
	}
	t := targets[rand.IntN(len(targets))]
	return net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
}

// snapshot is what an implementation that reloads now and then has read.
type snapshot struct {
	mu    sync.Mutex // guards all below
	state string
	at    time.Time
	all   map[string]balancer.Route
}

// of gives what was true at the last reload; down, nothing while it reloads.
func (s *snapshot) of(all map[string]balancer.Route, down bool) map[string]balancer.Route {
	const lasts = 300 * time.Millisecond
	s.mu.Lock()
	defer s.mu.Unlock()
	state := fmt.Sprint(all)
	if state == s.state {
		return all
	}
	switch {
	case s.at.IsZero():
		s.at = time.Now()
	case time.Since(s.at) > lasts:
		s.state, s.all, s.at = state, all, time.Time{}
		return all
	}
	if down {
		return nil
	}
	return s.all
}
