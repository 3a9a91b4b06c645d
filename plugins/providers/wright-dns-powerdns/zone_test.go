package main

import (
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/dnstest"
	"github.com/wright-build/wright/plugins/dns/rrset"
	"github.com/wright-build/wright/plugins/dns/webapi"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

func TestZone(t *testing.T) {
	env := labtest.Start(t, "powerdns").Env
	zone := rrset.Fold(env["DNS_ZONE"])
	b := backendOf(t, env)
	settings := settingsOf(env)
	delete(settings, "zones") // the server tells which it has
	if servers, err := b.Servers(t.Context(), zone); err != nil || len(servers) != 1 || servers[0].Address != "ns1.lab.test:53" {
		t.Errorf("the zone's own name servers: %v, %v", servers, err)
	}
	dnstest.Run(t, dnstest.Subject{
		Dir: filepath.Dir(conformance.Build(t, ".")), Name: "powerdns", Settings: settings, Zone: zone,
		Server:  authority.Server{Address: env["DNS_SERVER"]},
		Content: func(t testing.TB) map[string][]rrset.Set { return contentOf(t, b, zone) },
		Person:  func(t testing.TB, name string, s rrset.Set) { person(t, b, zone, name, s) },
	})
}

func backendOf(t *testing.T, env map[string]string) *backend {
	api, err := webapi.New("endpoint", env["PDNS_API"], "X-API-Key", "", func() (string, error) { return env["PDNS_KEY"], nil })
	if err != nil {
		t.Fatal(err)
	}
	return &backend{api: api, root: []string{"api", "v1", "servers", "localhost", "zones"}}
}

func contentOf(t testing.TB, b *backend, zone string) map[string][]rrset.Set {
	t.Helper()
	content := map[string][]rrset.Set{}
	err := b.Each(t.Context(), zone, func(name string, s rrset.Set) error {
		content[name] = append(content[name], s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func person(t testing.TB, b *backend, zone, name string, s rrset.Set) {
	t.Helper()
	p := patchJSON{RRsets: []setJSON{change(rrset.Change{Name: name, Set: s})}}
	if _, err := b.api.Do(t.Context(), webapi.Request{Method: "PATCH", Path: b.path(zone), In: p, Want: []int{204}}); err != nil {
		t.Fatalf("make %s at the server: %v", name, err)
	}
}
