package main

import (
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

func TestConformance(t *testing.T) {
	env := labtest.Start(t, "powerdns").Env
	conformance.DNS(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(env), Domain: "lab.test", Endpoint: "endpoint",
		Wrong: map[string]any{"api-key": "wrong-key"},
	})
}

// settingsOf are the provider's settings for a lab.
func settingsOf(env map[string]string) map[string]any {
	return map[string]any{
		"endpoint": env["PDNS_API"], "api-key": env["PDNS_KEY"], "zones": []any{env["DNS_ZONE"]}, "nameservers": []any{env["DNS_SERVER"]},
	}
}
