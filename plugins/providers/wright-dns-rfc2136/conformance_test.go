package main

import (
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

func TestConformance(t *testing.T) {
	for _, name := range []string{"bind", "knot"} {
		t.Run(name, func(t *testing.T) {
			env := labtest.Start(t, name).Env
			conformance.DNS(t, conformance.Subject{
				Binary: conformance.Build(t, "."), Settings: settingsOf(env, env["TSIG_SECRET"]), Domain: "lab.test",
				Wrong: settingsOf(env, "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3I="),
			})
		})
	}
}

// settingsOf are the provider's settings for a lab.
func settingsOf(env map[string]string, secret string) map[string]any {
	return map[string]any{"zones": []any{map[string]any{
		"zone": env["DNS_ZONE"], "server": env["DNS_SERVER"], "key-name": env["TSIG_NAME"], "key-secret": secret,
	}}}
}
