package appserver

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/wright-build/wright/plugins"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// routing is an operation on an AppServer with a route and no other name.
func routing(kind agentv1.Operation_Kind, address string) *agentv1.Operation {
	op := operation(kind, address)
	op.Dns, op.Balancer = nil, &agentv1.Balancer{Provider: "proxy", Name: "shop.example.test"}
	return op
}

// route is where the one route leads.
func (b *bench) route(t *testing.T) string {
	t.Helper()
	p, err := b.host.Balancer(t.Context(), "proxy")
	if err != nil {
		t.Fatal(err)
	}
	list, err := p.List(t.Context(), map[string]string{plugins.InstallationTag: "test", "wright-instance": "shop"})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range list {
		all = append(all, fmt.Sprint(r.Name, r.Targets))
	}
	return strings.Join(all, " ")
}

func routes(t *testing.T, b *bench) {
	const one, two = "127.9.9.1:8080", "127.9.9.1:8081"
	const leadsToOne, leadsToTwo = "shop.example.test[{127.9.9.1 8080}]", "shop.example.test[{127.9.9.1 8081}]"
	for i, step := range []struct {
		kind    agentv1.Operation_Kind
		address string
		want    string
	}{
		{deactivate, one, ""},
		{activate, one, leadsToOne},
		{activate, one, leadsToOne},
		{deactivate, two, leadsToOne},
		{activate, two, leadsToTwo},
		{terminate, one, leadsToTwo}, // one that was replaced
		{terminate, "", leadsToTwo},  // and one that was never up
		{terminate, two, ""},
		{activate, "[2001:db8::1]:80", "shop.example.test[{2001:db8::1 80}]"},
		{deactivate, "[2001:db8::1]:80", ""},
	} {
		if err := b.Do(t.Context(), routing(step.kind, step.address)); err != nil {
			t.Errorf("step %d, %s %s: %v", i, step.kind, step.address, err)
		}
		if got := b.route(t); got != step.want {
			t.Errorf("step %d, %s %s: %q, want %q", i, step.kind, step.address, got, step.want)
		}
	}
	if err := b.Do(t.Context(), routing(activate, "127.9.9.1:0")); err == nil || !strings.Contains(err.Error(), "health") {
		t.Errorf("activated without a port: %v", err)
	}
	lost := routing(activate, one)
	lost.Balancer.Provider = "nowhere"
	if err := b.Do(t.Context(), lost); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("activated without its balancer: %v", err)
	}
	both := routing(activate, one)
	both.Dns = operation(activate, one).Dns
	if err := b.Do(t.Context(), both); err != nil || b.route(t) != leadsToOne || b.hosts(t) != "127.9.9.1 shop.example.test" {
		t.Errorf("with a name beside: %v, %q, %q", err, b.route(t), b.hosts(t))
	}
	// The name of another AppServer cannot be set, so the route stays where it was.
	other := routing(activate, two)
	other.Dns = &agentv1.DNS{Provider: "nowhere", Domain: "shop.example.test"}
	if err := b.Do(t.Context(), other); err == nil || b.route(t) != leadsToOne {
		t.Errorf("activated half: %v, %q", err, b.route(t))
	}
	both.Kind = terminate
	if err := b.Do(t.Context(), both); err != nil || b.route(t) != "" || b.hosts(t) != "" {
		t.Errorf("terminated: %v, %q, %q", err, b.route(t), b.hosts(t))
	}
	if err := b.Do(t.Context(), other); err == nil || b.route(t) != "" {
		t.Errorf("activated half, the first one: %v, %q", err, b.route(t))
	}
}

// routesAtOnce: the end of an old AppServer does not take the route away from
// the new one, whoever comes first.
func routesAtOnce(t *testing.T, b *bench) {
	do := func(kind agentv1.Operation_Kind, address string) {
		if err := b.Do(t.Context(), routing(kind, address)); err != nil {
			t.Errorf("%s %s: %v", kind, address, err)
		}
	}
	for range 10 {
		do(activate, "127.9.9.1:80")
		var both sync.WaitGroup
		both.Go(func() { do(activate, "127.9.9.2:80") })
		both.Go(func() { do(deactivate, "127.9.9.1:80") })
		both.Wait()
		if got := b.route(t); got != "shop.example.test[{127.9.9.2 80}]" {
			t.Fatalf("the route leads to %q", got)
		}
	}
	do(deactivate, "127.9.9.2:80")
}
