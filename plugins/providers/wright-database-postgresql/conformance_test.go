package main

import (
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

func TestConformance(t *testing.T) {
	heavy(t)
	env := labtest.Start(t, "postgresql").Env
	conformance.Database(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(env, env["POSTGRES_PASSWORD"]),
		Wrong: settingsOf(env, "wrong-password"), Probe: `psql -qAtc "SELECT 1" "$URL"`,
	})
}

// settingsOf are the provider's settings for a lab.
func settingsOf(env map[string]string, password string) map[string]any {
	return map[string]any{"servers": []any{map[string]any{
		"name": "lab", "address": env["POSTGRES_ADDRESS"], "user": env["POSTGRES_USER"], "password": password,
	}}}
}
