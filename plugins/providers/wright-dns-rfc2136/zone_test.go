package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/dnstest"
	"github.com/wright-build/wright/plugins/dns/rrset"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

func TestZone(t *testing.T) {
	binary := conformance.Build(t, ".")
	for _, name := range []string{"bind", "knot"} {
		t.Run(name, func(t *testing.T) {
			env := labtest.Start(t, name).Env
			server := serverOf(env)
			dnstest.Run(t, dnstest.Subject{
				Dir: filepath.Dir(binary), Name: "rfc2136", Settings: settingsOf(env, env["TSIG_SECRET"]), Zone: rrset.Fold(env["DNS_ZONE"]), Server: server,
				Content: func(t testing.TB) map[string][]rrset.Set { return contentOf(t, server, env["DNS_ZONE"]) },
				Person:  func(t testing.TB, name string, s rrset.Set) { person(t, server, env["DNS_ZONE"], name, s) },
			})
		})
	}
}

// A zone that takes many messages: each of them is signed, and all are read.
func TestLargeZone(t *testing.T) {
	const messages, each = 20, 400
	for _, name := range []string{"bind", "knot"} {
		t.Run(name, func(t *testing.T) {
			env := labtest.Start(t, name).Env
			server := serverOf(env)
			for i := range messages {
				m := new(mdns.Msg).SetUpdate(env["DNS_ZONE"])
				m.Compress = true
				for j := range each {
					m.Insert(records(fmt.Sprintf("host%d-%d.lab.test", i, j), rrset.Set{Type: "A", TTL: 60, Values: []string{"192.0.2.1"}}))
				}
				if _, err := server.Exchange(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			start := time.Now()
			content := contentOf(t, server, env["DNS_ZONE"])
			if got := len(content); got != messages*each+2 { // and the zone itself, and ns1
				t.Errorf("%d names, want %d", got, messages*each+2)
			}
			t.Logf("%d names in %v", len(content), time.Since(start).Round(time.Millisecond))
			server.Key.Secret = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3I="
			if err := server.Transfer(t.Context(), env["DNS_ZONE"], func(mdns.RR) error { return nil }); plugins.CodeOf(err) != plugins.Denied {
				t.Errorf("with the wrong key: %v", err)
			}
		})
	}
}

func serverOf(env map[string]string) authority.Server {
	return authority.Server{Address: env["DNS_SERVER"], Key: &authority.Key{Name: env["TSIG_NAME"], Algorithm: env["TSIG_ALGORITHM"], Secret: env["TSIG_SECRET"]}}
}

// contentOf transfers the zone.
func contentOf(t testing.TB, server authority.Server, zone string) map[string][]rrset.Set {
	t.Helper()
	content := map[string][]rrset.Set{}
	err := server.Transfer(t.Context(), zone, func(rr mdns.RR) error {
		h := rr.Header()
		content[rrset.Fold(h.Name)] = append(content[rrset.Fold(h.Name)], rrset.Set{Type: mdns.TypeToString[h.Rrtype], Values: []string{rr.String()}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func person(t testing.TB, server authority.Server, zone, name string, s rrset.Set) {
	t.Helper()
	m := new(mdns.Msg).SetUpdate(zone)
	m.Insert(records(name, s))
	if _, err := server.Exchange(t.Context(), m); err != nil {
		t.Fatalf("make %s at the server: %v", strings.TrimSpace(name), err)
	}
}
