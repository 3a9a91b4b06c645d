package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/host"
)

// DNS tests a DNS provider. It must serve records of type A below
// conformance.example.test.
func DNS(t *testing.T, s Subject) {
	tests := []struct {
		name string
		test func(*testing.T, *dnsBench)
	}{
		{"set, list, replace, delete", dnsLife},
		{"at the same time", dnsConcurrent},
		{"other installations", dnsOthers},
		{"all or nothing", dnsAllOrNothing},
		{"killed in the middle of set", dnsKilledInSet},
		{"hostile names", dnsHostile},
		{"no time left", dnsNoTime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.test(t, &dnsBench{bench: newBench(t, plugins.DNS, s)})
		})
	}
}

type dnsBench struct{ *bench }

func (b *dnsBench) provider(t *testing.T) (*host.Host, dns.Provider) {
	t.Helper()
	h := b.open(t)
	p, err := h.DNS(b.call(t), b.name)
	if err != nil {
		t.Fatal("launch:", err)
	}
	return h, p
}

func domain(name string) string { return name + ".conformance.example.test" }

func addresses(values ...string) []dns.Record {
	var records []dns.Record
	for _, v := range values {
		records = append(records, dns.Record{Type: "A", Value: v, TTL: time.Minute})
	}
	return records
}

func (b *dnsBench) set(t *testing.T, p dns.Provider, domain string, values ...string) {
	t.Helper()
	if err := p.Set(b.call(t), domain, addresses(values...), ownTags()); err != nil {
		t.Fatalf("set %s: %v", domain, err)
	}
}

// values gives the sorted values of each domain.
func (b *dnsBench) values(t *testing.T, p dns.Provider, tags map[string]string) map[string]string {
	t.Helper()
	list, err := p.List(b.call(t), tags)
	if err != nil {
		t.Fatal("list:", err)
	}
	found := map[string]string{}
	for _, e := range list {
		if _, twice := found[e.Domain]; twice {
			t.Errorf("list gives %s twice", e.Domain)
		}
		if !plugins.HasTags(e.Tags, tags) {
			t.Errorf("list for %v gives %s with tags %v", tags, e.Domain, e.Tags)
		}
		var v []string
		for _, r := range e.Records {
			v = append(v, r.Value)
		}
		slices.Sort(v)
		found[e.Domain] = strings.Join(v, " ")
	}
	return found
}

func (b *dnsBench) want(t *testing.T, p dns.Provider, domain, values string) {
	t.Helper()
	if got := b.values(t, p, ownTags())[domain]; got != values {
		t.Errorf("%s has %q, want %q", domain, got, values)
	}
}

func dnsLife(t *testing.T, b *dnsBench) {
	h, p := b.provider(t)
	name := domain("life")
	b.set(t, p, name, "192.0.2.1")
	b.want(t, p, name, "192.0.2.1")
	b.set(t, p, name, "192.0.2.1") // once more changes nothing
	b.set(t, p, name, "192.0.2.2", "192.0.2.3")
	b.want(t, p, name, "192.0.2.2 192.0.2.3")
	b.set(t, p, strings.ToUpper(name)+".", "192.0.2.4") // the same domain
	b.want(t, p, name, "192.0.2.4")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	_, p = b.provider(t)
	b.want(t, p, name, "192.0.2.4")
	for range 2 {
		if err := p.Delete(b.call(t), name, ownTags()); err != nil {
			t.Error("delete:", err)
		}
	}
	b.want(t, p, name, "")
	b.set(t, p, name, "192.0.2.5")
	b.set(t, p, name) // no records
	b.want(t, p, name, "")
}

func dnsConcurrent(t *testing.T, b *dnsBench) {
	_, p := b.provider(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			value := fmt.Sprintf("192.0.2.%d", i)
			if err := p.Set(b.call(t), domain(fmt.Sprintf("c%d", i)), addresses(value), ownTags()); err != nil {
				t.Errorf("set %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range 16 {
		b.want(t, p, domain(fmt.Sprintf("c%d", i)), fmt.Sprintf("192.0.2.%d", i))
	}
}

func dnsOthers(t *testing.T, b *dnsBench) {
	_, p := b.provider(t)
	name := domain("shared")
	other := map[string]string{plugins.InstallationTag: "another"}
	b.set(t, p, name, "192.0.2.1")
	err := p.Set(b.call(t), name, addresses("192.0.2.2"), other)
	if err != nil && plugins.CodeOf(err) != plugins.Exists {
		t.Fatal("set by another installation:", err)
	}
	b.want(t, p, name, "192.0.2.1")
	if err := p.Delete(b.call(t), name, other); err != nil {
		t.Error("delete by another installation:", err)
	}
	b.want(t, p, name, "192.0.2.1")
	if v := b.values(t, p, other); len(v) != 0 {
		t.Errorf("the other installation has %v", v)
	}
	if err := p.Set(b.call(t), name, addresses("192.0.2.3"), nil); plugins.CodeOf(err) != plugins.Invalid {
		t.Errorf("set without an installation gave %v, want the code invalid", err)
	}
}

func dnsAllOrNothing(t *testing.T, b *dnsBench) {
	_, p := b.provider(t)
	name := domain("whole")
	b.set(t, p, name, "192.0.2.1")
	bad := append(addresses("192.0.2.2"), dns.Record{Type: "A", Value: "no address"})
	if err := p.Set(b.call(t), name, bad, ownTags()); !refused(err) {
		t.Errorf("a record that is none gave %v", err)
	}
	b.want(t, p, name, "192.0.2.1")
}

func dnsKilledInSet(t *testing.T, b *dnsBench) {
	name := domain("killed")
	old := ""
	for i, delay := range killDelays() {
		fresh := fmt.Sprintf("192.0.2.%d 192.0.2.%d", 10+i, 50+i)
		h, p := b.provider(t)
		done := make(chan error, 1)
		go func() { done <- p.Set(b.call(t), name, addresses(strings.Fields(fresh)...), ownTags()) }()
		<-time.After(delay)
		b.kill(t, h)
		err := <-done
		_, p = b.provider(t)
		got := b.values(t, p, ownTags())[name]
		if got != fresh && (got != old || err == nil) {
			t.Errorf("killed after %v (%v): %q, neither before %q nor after %q", delay, err, got, old, fresh)
		}
		b.set(t, p, name, strings.Fields(fresh)...)
		b.want(t, p, name, fresh)
		old = fresh
	}
}

func dnsHostile(t *testing.T, b *dnsBench) {
	_, p := b.provider(t)
	b.set(t, p, domain("good"), "192.0.2.1")
	for _, name := range hostile() {
		for _, d := range []string{name, name + ".example.test", "192.0.2.9 " + name} {
			if err := p.Set(b.call(t), d, addresses("192.0.2.9"), ownTags()); err == nil {
				_ = p.Delete(b.call(t), d, ownTags())
			} else if !refused(err) {
				t.Errorf("domain %.40q: code %q, want invalid or none: %v", d, plugins.CodeOf(err), err)
			}
		}
		if err := p.Set(b.call(t), domain("value"), addresses(name), ownTags()); !refused(err) {
			t.Errorf("value %.40q gave %v", name, err)
		}
		err := p.Set(b.call(t), domain("tagged"), addresses("192.0.2.8"), withTag("evil", name))
		if err != nil && !refused(err) {
			t.Errorf("tag %.40q gave %v", name, err)
		}
		if err == nil && b.values(t, p, withTag("evil", name))[domain("tagged")] != "192.0.2.8" {
			t.Logf("the provider keeps no tags but the installation") // allowed
		}
	}
	_ = p.Delete(b.call(t), domain("tagged"), ownTags())
	if v := b.values(t, p, ownTags()); len(v) != 1 {
		t.Errorf("after all the hostile names the list is %v", v)
	}
	b.onlyState(t)
}

func dnsNoTime(t *testing.T, b *dnsBench) {
	_, p := b.provider(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Set(ctx, domain("late"), addresses("192.0.2.1"), ownTags()); !errors.Is(err, context.Canceled) {
		t.Errorf("set with a cancelled context gave %v", err)
	}
}
