package main

import (
	"os"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/lab/labtest"
)

func TestConformance(t *testing.T) {
	heavy(t)
	env := labtest.Start(t, "mariadb").Env
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	conformance.Database(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(env, env["MYSQL_PASSWORD"]),
		Wrong: settingsOf(env, "wrong-password"), Probe: probing + "=1 '" + self + "' -test.run='^TestProbe$'",
	})
}

// probing has the test's own binary log in, as the suite's probe.
const probing = "WRIGHT_TEST_PROBE"

func TestProbe(t *testing.T) {
	if os.Getenv(probing) == "" {
		t.Skip("it is only run by the suite")
	}
	if err := open(t, os.Getenv("URL")).PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// settingsOf are the provider's settings for a lab.
func settingsOf(env map[string]string, password string) map[string]any {
	return map[string]any{"servers": []any{map[string]any{
		"name": "lab", "address": env["MYSQL_ADDRESS"], "user": env["MYSQL_USER"], "password": password,
	}}}
}
