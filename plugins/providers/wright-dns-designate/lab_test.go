package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/dnstest"
	"github.com/wright-build/wright/plugins/dns/rrset"
	"github.com/wright-build/wright/plugins/dns/webapi"
	"github.com/wright-build/wright/plugins/dns/zones"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// TestLab is one test, because the lab takes a minute to start. Designate takes a
// second or more for each change, so all of it takes many minutes.
func TestLab(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes many minutes")
	}
	env := labtest.Env(t, "openstack")
	binary := conformance.Build(t, ".")
	b := backendOf(env)
	t.Run("conformance", func(t *testing.T) {
		zone := makeZone(t, b, "conformance")
		conformance.DNS(t, conformance.Subject{
			Binary: binary, Settings: settingsOf(t, b, env, zone), Domain: zone, Endpoint: "endpoint",
			Wrong: map[string]any{"password": "wrong-password"}, Many: 40,
		})
	})
	t.Run("quota", func(t *testing.T) { quota(t, b, makeZone(t, b, "quota")) })
	names := 0
	if os.Getenv("WRIGHT_TEST_STORM") != "" { // it takes a quarter of an hour more
		names = 200
	}
	t.Run("zone", func(t *testing.T) {
		zone := makeZone(t, b, "lab")
		dnstest.Run(t, dnstest.Subject{
			Dir: filepath.Dir(binary), Name: "designate", Settings: settingsOf(t, b, env, zone), Zone: zone, Slow: true, Names: names,
			Server:  authority.Server{Address: env["DNS_SERVER"]},
			Content: func(t testing.TB) map[string][]rrset.Set { return contentOf(t, b, zone) },
			Person:  func(t testing.TB, name string, s rrset.Set) { person(t, b, zone, name, s) },
		})
	})
}

func backendOf(env map[string]string) *backend {
	return &backend{session: newSession(access{
		AuthURL: env["OS_AUTH_URL"], Region: env["OS_REGION_NAME"], Username: env["OS_USERNAME"], UserDomain: env["OS_USER_DOMAIN_NAME"],
		Password: env["OS_PASSWORD"], Project: env["OS_PROJECT_NAME"], ProjectDomain: env["OS_PROJECT_DOMAIN_NAME"],
	})}
}

// settingsOf are the provider's settings for a lab, with Designate's own URL, so
// that a faulty proxy may stand before it.
func settingsOf(t *testing.T, b *backend, env map[string]string, zone string) map[string]any {
	endpoint, err := b.session.endpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"auth-url": env["OS_AUTH_URL"], "region": env["OS_REGION_NAME"], "username": env["OS_USERNAME"], "password": env["OS_PASSWORD"],
		"project": env["OS_PROJECT_NAME"], "endpoint": endpoint, "zones": []any{zone}, "nameservers": []any{env["DNS_SERVER"]},
	}
}

// makeZone makes a zone, and gives its name when the name server has it.
func makeZone(t *testing.T, b *backend, word string) string {
	t.Helper()
	zone := fmt.Sprintf("%s-%d.test", word, rand.IntN(1e9))
	body := map[string]any{"name": zone + ".", "email": "hostmaster@" + zone, "ttl": 60}
	_, err := b.session.do(t.Context(), webapi.Request{Method: http.MethodPost, Path: []string{"v2", "zones"}, In: body, Want: []int{http.StatusAccepted}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		names, err := b.Zones(ctx)
		if err != nil {
			t.Fatal(err)
		}
		sets, err := b.sets(ctx, zone, zone)
		if err == nil && len(sets) > 0 && sets[0].Status == "ACTIVE" {
			return zone
		}
		wait(ctx, 100*time.Millisecond)
		if ctx.Err() != nil {
			t.Fatalf("the zone %s does not come up: zones %q, record sets %v, %v", zone, names, sets, err)
		}
	}
}

// quota asks for more records in a set than Designate allows.
func quota(t *testing.T, b *backend, zone string) {
	var many rrset.Set
	many.Type, many.TTL = "A", 60
	for i := range 21 {
		many.Values = append(many.Values, fmt.Sprintf("192.0.2.%d", i+1))
	}
	_, err := b.change(t.Context(), zone, "", rrset.Change{Name: "many." + zone, Set: many})
	if plugins.CodeOf(err) != plugins.Quota || !strings.Contains(err.Error(), "Quota exceeded") {
		t.Errorf("21 records: %v, code %q", err, plugins.CodeOf(err))
	}
}

func contentOf(t testing.TB, b *backend, zone string) map[string][]rrset.Set {
	t.Helper()
	content := map[string][]rrset.Set{}
	_, err1 := b.Zones(t.Context())
	err2 := b.Each(t.Context(), zone, func(name string, s rrset.Set) error {
		content[name] = append(content[name], s)
		return nil
	})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return content
}

func person(t testing.TB, b *backend, zone, name string, s rrset.Set) {
	t.Helper()
	_, err := b.Zones(t.Context())
	if err == nil {
		_, err = b.change(t.Context(), zone, "", rrset.Change{Name: name, Set: s})
	}
	if err == nil {
		err = b.settled(t.Context(), zones.Place{Zone: zone, Domain: name, Marker: rrset.MarkerName(name)})
	}
	if err != nil {
		t.Fatal(fmt.Errorf("make %s in Designate: %w", name, err))
	}
}
