package plugins

import (
	"debug/buildinfo"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestModulesOfAPlugin holds the list of modules that a third party's plugin
// links, with all kinds in it. Before it grows, think of those who must trust it.
func TestModulesOfAPlugin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "noop")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./testdata/noop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{info.Main.Path}
	for _, d := range info.Deps {
		got = append(got, d.Path)
	}
	slices.Sort(got)
	want := []string{
		"github.com/wright-build/wright",
		"golang.org/x/net",
		"golang.org/x/sys",
		"golang.org/x/text",
		"google.golang.org/genproto/googleapis/rpc",
		"google.golang.org/grpc",
		"google.golang.org/protobuf",
	}
	if !slices.Equal(got, want) {
		t.Errorf("a plugin links\n%q, want\n%q", got, want)
	}
}
