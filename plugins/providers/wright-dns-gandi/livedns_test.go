package main

import (
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/dnstest"
	"github.com/wright-build/wright/plugins/dns/rrset"
	"github.com/wright-build/wright/plugins/providers/wright-dns-gandi/testdata/livedns"
)

const token = "pat_tests-0123456789"

func start(t *testing.T) *livedns.Server {
	t.Helper()
	s, err := livedns.Start(token, "lab.test", "other.test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func settingsOf(s *livedns.Server) map[string]any {
	return map[string]any{"endpoint": s.URL, "token": token, "nameservers": []any{s.Nameserver}}
}

func TestConformance(t *testing.T) {
	conformance.DNS(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(start(t)), Domain: "lab.test", Endpoint: "endpoint",
		Wrong: map[string]any{"token": "pat_wrong-token"},
	})
}

func TestZone(t *testing.T) {
	s := start(t)
	dnstest.Run(t, dnstest.Subject{
		Dir: filepath.Dir(conformance.Build(t, ".")), Name: "gandi", Settings: settingsOf(s), Zone: "lab.test",
		Server: authority.Server{Address: s.Nameserver}, NoSerial: true,
		Content: func(testing.TB) map[string][]rrset.Set {
			content := map[string][]rrset.Set{}
			for name, sets := range s.Content("lab.test") {
				for _, j := range sets {
					content[name] = append(content[name], rrset.Set{Type: j.Type, TTL: j.TTL, Values: j.Values})
				}
			}
			return content
		},
		Person: func(_ testing.TB, name string, set rrset.Set) {
			s.Put("lab.test", livedns.Set{Name: relative(name, "lab.test"), Type: set.Type, TTL: set.TTL, Values: set.Content()})
		},
	})
}
