package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/host"
)

// BenchmarkLaunch starts and ends the provider's process; it reports the memory
// of one that has answered a call.
func BenchmarkLaunch(b *testing.B) {
	dir := filepath.Dir(conformance.Build(b, "."))
	state := b.TempDir()
	for b.Loop() {
		h := host.New(host.Config{Dirs: []string{dir}, StateDir: state})
		p, err := h.Cloud(b.Context(), "process")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.List(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(residentMB(b, h.Plugins()[0].PID), "MB")
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkServer makes and deletes a server.
func BenchmarkServer(b *testing.B) {
	h := host.New(host.Config{Dirs: []string{filepath.Dir(conformance.Build(b, "."))}, StateDir: b.TempDir()})
	defer func() { _ = h.Close() }()
	p, err := h.Cloud(b.Context(), "process")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		s, err := p.Create(b.Context(), cloud.Spec{Token: fmt.Sprint(i)})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(residentMB(b, readPID(filepath.Join(dirOf(s), onhost.LockFile))), "MB")
		if err := p.Delete(b.Context(), s.Token); err != nil {
			b.Fatal(err)
		}
	}
}

func residentMB(b *testing.B, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kb float64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}
