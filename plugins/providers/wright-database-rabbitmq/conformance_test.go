package main

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

func TestConformance(t *testing.T) {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("it takes minutes: set WRIGHT_TEST_HEAVY=1")
	}
	env := labtest.Start(t, "rabbitmq").Env
	wrong := maps.Clone(env)
	wrong["RABBITMQ_PASSWORD"] = "wrong-password"
	full := settingsOf(env)
	full["servers"].([]any)[0].(map[string]any)["max-databases"] = 1
	conformance.Database(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(env), Endpoint: "endpoint", Probe: probe(t), Full: full,
		Wrong: map[string]any{"servers": settingsOf(wrong)["servers"]},
	})
}

// probe is a command that fails unless one can work at $URL.
func probe(t *testing.T) string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("WRIGHT_TEST_PROBE=1 exec '%s'", self)
}

// settingsOf are the provider's settings for a lab.
func settingsOf(env map[string]string) map[string]any {
	server := map[string]any{"name": "lab", "address": env["RABBITMQ_ADDRESS"], "user": env["RABBITMQ_USER"], "password": env["RABBITMQ_PASSWORD"]}
	return map[string]any{"endpoint": env["RABBITMQ_API"], "servers": []any{server}}
}
