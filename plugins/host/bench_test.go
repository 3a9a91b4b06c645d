package host

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// buildNoop builds the plugin that does nothing, in a locked directory.
func buildNoop(b *testing.B) (dir string) {
	b.Helper()
	dir = b.TempDir()
	path := filepath.Join(dir, "wright-cloud-noop")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", path, "../testdata/noop").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	entries, err := LockDir(dir)
	if err == nil {
		err = WriteLock(dir, entries)
	}
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkCall is a call that does nothing, through host and process.
func BenchmarkCall(b *testing.B) {
	h := New(Config{Dirs: []string{buildNoop(b)}, StateDir: b.TempDir()})
	defer func() { _ = h.Close() }()
	p, err := h.Cloud(b.Context(), "noop")
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := p.Get(b.Context(), "t"); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	reportQuantiles(b, took, time.Microsecond, "µs")
	b.ReportMetric(residentMB(b, h.Plugins()[0].PID), "MB")
}

// BenchmarkLaunch is the time from nothing to the first answer: the check of the
// sum, the handshake, the settings and a call.
func BenchmarkLaunch(b *testing.B) {
	dir, state := buildNoop(b), b.TempDir()
	var took []time.Duration
	for b.Loop() {
		h := New(Config{Dirs: []string{dir}, StateDir: state, RequireLock: true})
		start := time.Now()
		p, err := h.Cloud(b.Context(), "noop")
		if err == nil {
			_, err = p.List(b.Context(), nil)
		}
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
	reportQuantiles(b, took, time.Millisecond, "ms")
}

func reportQuantiles(b *testing.B, took []time.Duration, unit time.Duration, name string) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/float64(unit), "p50-"+name)
	b.ReportMetric(float64(took[len(took)*99/100])/float64(unit), "p99-"+name)
}

func residentMB(b testing.TB, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

// BenchmarkGuard is one look at a plugin's group, as it happens ten times in a
// second: with the machine's processes as they were, and read again.
func BenchmarkGuard(b *testing.B) {
	l := Limits{}.withDefaults()
	for name, again := range map[string]bool{"quiet": false, "again": true} {
		b.Run(name, func(b *testing.B) {
			g := group{id: syscall.Getpgrp()}
			for b.Loop() {
				if again {
					g.newest = ""
				}
				g.usage(l)
			}
		})
	}
}
