package main

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/conformance/suite"
	"github.com/wright-build/wright/plugins/providers/wright-cloud-hcloud/testdata/hetzner"
)

const testToken = "tests-0123456789-tests-0123456789"

func start(t *testing.T, o hetzner.Options) *hetzner.Cloud {
	t.Helper()
	if o.Step == 0 {
		o.Step = 10 * time.Millisecond
	}
	c := hetzner.Start(testToken, o)
	t.Cleanup(c.Close)
	return c
}

func settingsOf(c *hetzner.Cloud) map[string]any {
	return map[string]any{"endpoint": c.URL, "token": testToken, "flavor": "cx23", "image": "debian-13"}
}

// TestConformance runs the whole suite where there is time for it. In the ordinary
// run those checks are left out that mostly wait.
func TestConformance(t *testing.T) {
	c := start(t, hetzner.Options{Conflicts: 17})
	subject := conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(c), Config: map[string]any{"wait-port": 0}, Endpoint: "endpoint",
		Wrong: map[string]any{"token": "wrong"}, Full: map[string]any{"flavor": "ccx63"}, Many: 60,
	}
	if os.Getenv("WRIGHT_TEST_HEAVY") != "" {
		conformance.Cloud(t, subject)
	} else {
		some(t, subject)
	}
	if servers, firewalls, ips := c.Left(); len(servers)+len(firewalls)+ips > 0 {
		t.Errorf("left are the servers %v, the firewalls %v and %d primary IPs", servers, firewalls, ips)
	}
}

func some(t *testing.T, subject conformance.Subject) {
	t.Helper()
	session, err := suite.Open(t.Context(), subject, suite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	quick := []string{
		"says what it is", "states a schema", "wrong settings are refused", "wrong credentials are denied", "create gives what was asked for",
		"create again gives the same server", "create from two processes at the same time makes one server", "list selects by every tag", "list gives all of many",
		"deleted is gone", "kill at every point of create", "unicode, long and hostile tags", "quota", "backend: errors after the request was carried out",
	}
	for _, check := range suite.Checks(plugins.Cloud) {
		if !slices.Contains(quick, check.Name) {
			continue
		}
		t.Run(check.Name, func(t *testing.T) {
			for _, failure := range session.Run(t.Context(), check).Failures {
				t.Error(failure)
			}
		})
	}
}
