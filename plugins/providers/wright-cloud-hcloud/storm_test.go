package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins/cloud/cloudtest"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/providers/wright-cloud-hcloud/testdata/hetzner"
)

// TestStorm: providers are killed while servers come and go, and at the end the
// cloud's own lists are empty.
func TestStorm(t *testing.T) {
	servers, kills := 10, 3
	if os.Getenv("WRIGHT_TEST_HEAVY") != "" {
		servers, kills = 30, 10
	}
	c := start(t, hetzner.Options{Conflicts: 7})
	cloudtest.Storm(t, cloudtest.Subject{
		Dir: filepath.Dir(conformance.Build(t, ".")), Name: "hcloud", Settings: settingsOf(c), Config: map[string]any{"wait-port": 0},
		Servers: servers, Kills: kills,
	})
	empty(t, c)
}
