// Package dnstest holds tests of DNS providers that the conformance suite
// cannot have, because they look at the zone itself: for providers that keep
// their marks with package rrset, against any server. It knows how to ask a name
// server, and none of the providers.
package dnstest

import (
	"context"
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/rrset"
	"github.com/wright-build/wright/plugins/host"
)

// Subject is a provider and a zone of a server that runs.
type Subject struct {
	Dir      string // where the binary is
	Name     string // of the provider
	Settings map[string]any
	Zone     string           // without the dot behind
	Server   authority.Server // answers for the zone
	Slow     bool             // changes take seconds: fewer of them are made
	Names    int              // that are set and deleted while the provider is killed; 0 is 200, or 30 where it is slow
	NoSerial bool             // the server's serial says nothing

	// Content gives what is in the zone, as its server has it.
	Content func(t testing.TB) map[string][]rrset.Set
	// Person makes records at the server itself, past the provider.
	Person func(t testing.TB, name string, s rrset.Set)
}

// Run runs all tests.
func Run(t *testing.T, s Subject) {
	t.Run("killed", s.killed)
	t.Run("a live alias", s.alias)
	t.Run("two installations", s.neighbours)
	t.Run("two agents at once", s.agents)
	t.Run("a person's records", s.person)
	t.Run("a wildcard above", s.wildcard)
	t.Run("only what differs", s.untouched)
	t.Run("records that are answered", s.answered)
}

// agent is a host with the provider.
type agent struct {
	dns.Provider
	host *host.Host
	name string
}

func (s Subject) agent(t testing.TB) agent {
	t.Helper()
	h := host.New(host.Config{
		Dirs: []string{s.Dir}, StateDir: t.TempDir(), Installation: "tests",
		Providers: map[string]map[string]any{"dns-" + s.Name: s.Settings},
	})
	t.Cleanup(func() { _ = h.Close() })
	p, err := h.DNS(t.Context(), s.Name)
	if err != nil {
		t.Fatal(err)
	}
	return agent{p, h, s.Name}
}

// kill kills the provider's process as the out-of-memory killer would.
func (a agent) kill(t testing.TB) {
	for _, i := range a.host.Plugins() {
		if i.Kind == plugins.DNS && i.Name == a.name && i.PID != 0 {
			if err := syscall.Kill(i.PID, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Error("there is no process to kill")
}

func tagsOf(installation string) map[string]string {
	return map[string]string{plugins.InstallationTag: installation, "instance": "shop"}
}

func record(kind, value string) []dns.Record {
	return []dns.Record{{Type: kind, Value: value, TTL: 10 * time.Minute}}
}

func limit(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// set calls Set for an installation and wants an error with the code.
func (a agent) set(t testing.TB, installation, domain string, code plugins.Code, records ...dns.Record) {
	t.Helper()
	err := a.Set(limit(t), dns.Spec{Domain: domain, Records: records, Tags: tagsOf(installation)})
	if plugins.CodeOf(err) != code || (err == nil) != (code == "") {
		t.Errorf("installation %s: Set %s to %v: %v, want the code %q", installation, domain, records, err, code)
	}
}

func (a agent) delete(t testing.TB, installation, domain string) {
	t.Helper()
	if err := a.Delete(limit(t), domain, tagsOf(installation)); err != nil {
		t.Errorf("installation %s: Delete %s: %v", installation, domain, err)
	}
}

// ask gives what the server answers, as a zone file has it.
func (s Subject) ask(t testing.TB, name, kind string) []string {
	t.Helper()
	set, err := s.Server.Set(limit(t), name, kind)
	if err != nil {
		t.Fatal(err)
	}
	return set.Values
}

// want fails the test unless the server answers so.
func (s Subject) want(t testing.TB, name, kind string, values ...string) {
	t.Helper()
	if got := s.ask(t, name, kind); !slices.Equal(got, values) {
		t.Errorf("the server answers %s %s with %q, want %q", name, kind, got, values)
	}
}

func (s Subject) serial(t testing.TB) uint32 {
	t.Helper()
	records, err := s.Server.Ask(limit(t), s.Zone, mdns.TypeSOA)
	if err != nil || len(records) != 1 {
		t.Fatalf("ask for the serial: %v, %v", records, err)
	}
	return records[0].(*mdns.SOA).Serial
}

// listed gives the domains that an installation has.
func (a agent) listed(t testing.TB, installation string) []string {
	t.Helper()
	list, err := a.List(limit(t), map[string]string{plugins.InstallationTag: installation})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, e := range list {
		names[e.Domain] = true
	}
	return slices.Sorted(maps.Keys(names))
}
