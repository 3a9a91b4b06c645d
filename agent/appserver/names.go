package appserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/dns"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// point makes the names lead to the AppServer: first the route, so that nobody
// is sent to a balancer that knows nothing of it yet. It is turned back when the
// record cannot be set: an AppServer that is not activated must not have it.
func (k *Keeper) point(ctx context.Context, op *agentv1.Operation) error {
	if op.GetDns() == nil && op.GetBalancer() == nil {
		return nil
	}
	to, err := targetOf(op)
	if err != nil {
		return err
	}
	back, err := k.setRoute(ctx, op, to)
	if err != nil {
		return err
	}
	if err := k.setRecord(ctx, op, to.Address); err != nil {
		return errors.Join(err, back(context.WithoutCancel(ctx)))
	}
	return nil
}

// unpoint takes the names away from the AppServer. One that leads to another
// one by now stays.
func (k *Keeper) unpoint(ctx context.Context, op *agentv1.Operation) error {
	to, err := targetOf(op)
	if err != nil {
		return nil // it was never up, so no name led to it
	}
	return errors.Join(k.dropRecord(ctx, op, to.Address), k.dropRoute(ctx, op, to))
}

func targetOf(op *agentv1.Operation) (balancer.Target, error) {
	host, port, err := net.SplitHostPort(op.GetAddress())
	if err != nil {
		return balancer.Target{}, fmt.Errorf("address of AppServer %s: %w", op.GetAppserver(), err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return balancer.Target{}, fmt.Errorf("port of AppServer %s: %w", op.GetAppserver(), err)
	}
	return balancer.Target{Address: host, Port: int(n)}, nil
}

// setRoute also gives what turns the route back to where it led.
func (k *Keeper) setRoute(ctx context.Context, op *agentv1.Operation, to balancer.Target) (back func(context.Context) error, err error) {
	b := op.GetBalancer()
	if b == nil {
		return func(context.Context) error { return nil }, nil
	}
	if to.Port == 0 {
		return nil, fmt.Errorf("route %s with %s: cloud %s does not say at which port AppServer %s answers; write health = { port = … }",
			b.GetName(), b.GetProvider(), op.GetCloud(), op.GetAppserver())
	}
	p, err := k.Providers.Balancer(ctx, b.GetProvider())
	if err != nil {
		return nil, err
	}
	defer k.hold(plugins.Balancer, b.GetName())()
	spec := balancer.Spec{
		Name: b.GetName(), Targets: []balancer.Target{to}, Tags: k.tags(op.GetInstance(), ""), Config: table(b.GetConfig()),
	}
	before, err := p.List(ctx, spec.Tags)
	if err == nil {
		err = p.Set(ctx, spec)
	}
	if err != nil {
		return nil, fmt.Errorf("route %s to %s with %s: %w", b.GetName(), op.GetAddress(), b.GetProvider(), err)
	}
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, turnBackTime)
		defer cancel()
		if err := restore(ctx, p, spec, before); err != nil {
			return fmt.Errorf("turn the route %s back with %s: %w", b.GetName(), b.GetProvider(), err)
		}
		return nil
	}, nil
}

// turnBackTime bounds the way back from an activation that failed.
const turnBackTime = time.Minute

// restore makes the route of a spec what it was.
func restore(ctx context.Context, p balancer.Provider, s balancer.Spec, before []balancer.Route) error {
	for _, r := range before {
		if sameName(r.Name, s.Name) && len(r.Targets) > 0 {
			s.Targets = r.Targets
			return p.Set(ctx, s)
		}
	}
	return p.Delete(ctx, s.Name, s.Tags)
}

func (k *Keeper) dropRoute(ctx context.Context, op *agentv1.Operation, to balancer.Target) error {
	b := op.GetBalancer()
	if b == nil {
		return nil
	}
	name, tags := b.GetName(), k.tags(op.GetInstance(), "")
	defer k.hold(plugins.Balancer, name)()
	p, err := k.Providers.Balancer(ctx, b.GetProvider())
	if err == nil {
		var routes []balancer.Route
		if routes, err = p.List(ctx, tags); err == nil && routed(routes, name, to) {
			err = p.Delete(ctx, name, tags)
		}
	}
	if err != nil {
		return fmt.Errorf("take the route %s away with %s: %w", name, b.GetProvider(), err)
	}
	return nil
}

func routed(routes []balancer.Route, name string, to balancer.Target) bool {
	return slices.ContainsFunc(routes, func(r balancer.Route) bool { return sameName(r.Name, name) && slices.Contains(r.Targets, to) })
}

func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

func (k *Keeper) setRecord(ctx context.Context, op *agentv1.Operation, host string) error {
	d := op.GetDns()
	if d == nil {
		return nil
	}
	p, err := k.Providers.DNS(ctx, d.GetProvider())
	if err != nil {
		return err
	}
	defer k.hold(plugins.DNS, d.GetDomain())()
	records := []dns.Record{{Type: recordType(host), Value: host, TTL: d.GetTtl().AsDuration()}}
	spec := dns.Spec{Domain: d.GetDomain(), Records: records, Tags: k.tags(op.GetInstance(), ""), Config: table(d.GetConfig())}
	if err := p.Set(ctx, spec); err != nil {
		return fmt.Errorf("point %s to %s with %s: %w", d.GetDomain(), host, d.GetProvider(), err)
	}
	// gofail: var nameSet struct{}
	return nil
}

func recordType(host string) string {
	ip := net.ParseIP(host)
	switch {
	case ip == nil:
		return "CNAME"
	case ip.To4() != nil:
		return "A"
	}
	return "AAAA"
}

func (k *Keeper) dropRecord(ctx context.Context, op *agentv1.Operation, host string) error {
	d := op.GetDns()
	if d == nil {
		return nil
	}
	domain, tags := d.GetDomain(), k.tags(op.GetInstance(), "")
	defer k.hold(plugins.DNS, domain)()
	p, err := k.Providers.DNS(ctx, d.GetProvider())
	if err == nil {
		var entries []dns.Entry
		if entries, err = p.List(ctx, tags); err == nil && leads(entries, domain, host) {
			err = p.Delete(ctx, domain, tags)
		}
	}
	if err != nil {
		return fmt.Errorf("take %s away with %s: %w", domain, d.GetProvider(), err)
	}
	return nil
}

func leads(entries []dns.Entry, domain, host string) bool {
	for _, e := range entries {
		if sameName(e.Domain, domain) {
			return slices.ContainsFunc(e.Records, func(r dns.Record) bool { return sameHost(r.Value, host) })
		}
	}
	return false
}

// sameHost says whether two addresses or host names mean the same: providers
// give them back in their own form.
func sameHost(a, b string) bool {
	x, err1 := netip.ParseAddr(a)
	y, err2 := netip.ParseAddr(b)
	if err1 == nil && err2 == nil {
		return x == y
	}
	return sameName(a, b)
}

// hold lets nobody else here touch a name until release is called.
func (k *Keeper) hold(kind plugins.Kind, name string) (release func()) {
	mu, _ := k.names.LoadOrStore(string(kind)+" "+name, new(sync.Mutex))
	mu.(*sync.Mutex).Lock()
	return mu.(*sync.Mutex).Unlock
}
