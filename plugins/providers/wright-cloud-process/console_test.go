package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

// TestConsole gives the end of both files of output, in their order.
func TestConsole(t *testing.T) {
	p := &provider{dir: t.TempDir()}
	dir := filepath.Join(p.dir, onhost.IDOf("t"))
	if _, err := p.Console(t.Context(), "t"); plugins.CodeOf(err) != plugins.NotFound {
		t.Errorf("of no server: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := onhost.Write(dir, record{Token: "t"}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Console(t.Context(), "t"); err != nil || len(got) != 0 {
		t.Errorf("of a silent server: %q, %v", got, err)
	}
	for name, text := range map[string]string{"log.1": strings.Repeat("x", cloud.MaxConsole), "log": "the end"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := p.Console(t.Context(), "t")
	if err != nil || len(got) != cloud.MaxConsole || !strings.HasSuffix(string(got), "xthe end") {
		t.Errorf("%d bytes: %v", len(got), err)
	}
}
