// Package conformance is the test kit that every provider must pass, ours and a
// third party's. It runs the provider's own binary through the real host, so it
// also tests the main function, and it kills the process at bad moments. A
// provider's test is a few lines:
//
//	func TestConformance(t *testing.T) {
//		conformance.Cloud(t, conformance.Subject{Binary: conformance.Build(t, ".")})
//	}
//
// The kit knows nothing about any provider but what its kind promises.
package conformance

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/host"
)

// Subject is the provider to test.
type Subject struct {
	Binary   string         // path; the file is called wright-KIND-NAME
	Settings map[string]any // the provider's table of the agent's configuration; optional
	Config   map[string]any // the provider's table of a manifest; optional
	Limit    time.Duration  // for one call; default one minute
}

// Build builds a main package as "go build" does and gives the path of the
// binary, which is called as the package's directory.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	dir, err := filepath.Abs(pkg)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), filepath.Base(dir))
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", dir, err, out)
	}
	return binary
}

// installation is the tag by which the kit finds what it made.
const installation = "conformance"

func ownTags() map[string]string {
	return map[string]string{plugins.InstallationTag: installation}
}

func withTag(key, value string) map[string]string {
	tags := ownTags()
	tags[key] = value
	return tags
}

// bench is a state directory over several lives of the host.
type bench struct {
	subject Subject
	kind    plugins.Kind
	name    string
	parent  string // holds nothing but state
	state   string
}

func newBench(t *testing.T, kind plugins.Kind, s Subject) *bench {
	t.Helper()
	name, ok := strings.CutPrefix(filepath.Base(s.Binary), plugins.BinaryName(kind, ""))
	if !ok {
		t.Fatalf("%s is not called %s", s.Binary, plugins.BinaryName(kind, "NAME"))
	}
	if s.Limit == 0 {
		s.Limit = time.Minute
	}
	parent := t.TempDir()
	return &bench{subject: s, kind: kind, name: name, parent: parent, state: filepath.Join(parent, "state")}
}

// open starts a host on the state directory; it is closed with the test.
func (b *bench) open(t *testing.T) *host.Host {
	t.Helper()
	h := host.New(host.Config{
		Dirs: []string{filepath.Dir(b.subject.Binary)}, StateDir: b.state, Installation: installation,
		Log:       slog.New(slog.NewTextHandler(t.Output(), nil)),
		Providers: map[string]map[string]any{string(b.kind) + "-" + b.name: b.subject.Settings},
	})
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error("close the host:", err)
		}
	})
	return h
}

// call gives the context of one call.
func (b *bench) call(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), b.subject.Limit)
	t.Cleanup(cancel)
	return ctx
}

// kill kills the provider's process as the out-of-memory killer would.
func (b *bench) kill(t *testing.T, h *host.Host) {
	t.Helper()
	for _, i := range h.Plugins() {
		if i.Kind == b.kind && i.Name == b.name && i.PID != 0 {
			if err := syscall.Kill(i.PID, syscall.SIGKILL); err != nil {
				t.Error("kill the plugin:", err)
			}
			return
		}
	}
	t.Error("the plugin does not run, so it cannot be killed")
}

// onlyState fails if anything was written beside the state directory.
func (b *bench) onlyState(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(b.parent)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "state" {
			t.Errorf("the provider wrote %s, outside of its directory", filepath.Join(b.parent, e.Name()))
		}
	}
}

// killDelays are when a call is interrupted, from its first steps to its last.
func killDelays() []time.Duration {
	return []time.Duration{
		0, 500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond,
		8 * time.Millisecond, 16 * time.Millisecond, 32 * time.Millisecond,
	}
}

// hostile are names that look for a file system, a shell, a parser or a
// terminal to break.
func hostile() []string {
	return []string{
		"..", "../../escape", "/etc/passwd", "a/b", ".", "-rf", "--help", "a b", "a'b\"c", "$(touch escape)", "`id`", "a;b",
		"%s%n", "{{.}}", "*", "~", "nul\x00byte", "line\nbreak", "tab\tbed", "\x1b[2J", "\xff\xfe", "ünïcödé", "日本", "🚀",
		"# wright:other", strings.Repeat("x", 255), strings.Repeat("y", 4096), strings.Repeat("../", 100), "CON", "a\u202eb",
	}
}

// refused says whether an answer to a hostile name is a proper refusal.
func refused(err error) bool {
	c := plugins.CodeOf(err)
	return c == plugins.Invalid || c == plugins.Unsupported
}
