package main

import (
	"path/filepath"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
)

func TestConformance(t *testing.T) {
	file := filepath.Join(t.TempDir(), "messages.jsonl")
	conformance.Notifier(t, conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: map[string]any{"file": file}, Probe: file,
	})
}
