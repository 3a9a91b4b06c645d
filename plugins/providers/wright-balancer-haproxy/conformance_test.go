package main

import (
	"os"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

// It reloads HAProxy some 500 times.
func TestConformance(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("it takes more than a minute: set WRIGHT_TEST_HEAVY=1")
	}
	running := labtest.Start(t, "haproxy")
	conformance.Balancer(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(running), Probe: "http://" + running.Env["HAPROXY_ADDRESS"] + "/",
	})
}

func settingsOf(r *lab.Running) map[string]any {
	return map[string]any{
		"fragments": r.Env["HAPROXY_FRAGMENTS"], "config": []any{r.Env["HAPROXY_CONFIG"]}, "master-socket": r.Env["HAPROXY_MASTER"],
		"program": r.Env["HAPROXY_PROGRAM"], "resolvers": "nobody",
	}
}
