package main

import (
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"

	"example.com/wright-cloud-rack/rack"
)

// TestConformance has the suite do to the plugin whatever an agent, a network
// and an operating system do. It puts a faulty proxy before the rack.
func TestConformance(t *testing.T) {
	service := httptest.NewServer(rack.New("test-token"))
	t.Cleanup(service.Close)
	conformance.Cloud(t, conformance.Subject{
		Binary:   build(t),
		Settings: map[string]any{"url": service.URL, "api-token": "test-token"},
		Endpoint: "url",
		Wrong:    map[string]any{"api-token": "stolen-token"},
		Full:     map[string]any{"project": "full"},
	})
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "wright-cloud-rack")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}
