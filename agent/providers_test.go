package agent

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/host"
)

// TestDescriptionsAreRemembered as long as the plugin's file is the same.
func TestDescriptionsAreRemembered(t *testing.T) {
	binary := conformance.Build(t, "../plugins/providers/wright-runner-local")
	h := host.New(host.Config{Dirs: []string{filepath.Dir(binary)}, StateDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	p := newProviders(h)
	describe := func() (plugins.Code, bool) {
		about, err := p.Describe(t.Context(), plugins.Runner, "local")
		return plugins.CodeOf(err), err == nil && about.Name == "local" && about.Config != nil
	}
	if _, ok := describe(); !ok {
		t.Fatal("the plugin says nothing of itself")
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	// Now it could not be launched any more.
	if err := os.Truncate(binary, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(binary, info.Size()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(binary, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, ok := describe(); !ok {
		t.Error("it was launched again")
	}
	if err := os.Chtimes(binary, time.Time{}, info.ModTime().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, ok := describe(); ok {
		t.Error("another file, and it says the same")
	}
	if err := os.Remove(binary); err != nil {
		t.Fatal(err)
	}
	if code, _ := describe(); code != plugins.NotFound {
		t.Errorf("gone, and it is %q", code)
	}
}
