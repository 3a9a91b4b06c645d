package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/conformance/suite"
)

// images is a directory with an image that is empty: a machine with it comes up
// and finds nothing to boot, which is all that QEMU's side of a server needs.
func images(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"qemu-system-x86_64", "qemu-img"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("apt-get install qemu-system-x86 qemu-utils: ", err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "blank.img"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func settingsOf(dir string) map[string]any {
	return map[string]any{"images": dir, "image": "blank", "accel": "tcg"}
}

// TestConformance runs the suite against QEMU itself, without a system in the
// machines. TestGuest has one.
func TestConformance(t *testing.T) {
	subject := conformance.Subject{
		Binary: conformance.Build(t, "."), Settings: settingsOf(images(t)), Many: 25,
		Config: map[string]any{"wait-ssh": false, "memory": 32}, FullConfig: map[string]any{"memory": 1 << 30},
	}
	if os.Getenv("WRIGHT_TEST_HEAVY") != "" {
		conformance.Cloud(t, subject)
		return
	}
	some(t, subject)
}

// some runs those checks that do not take long.
func some(t *testing.T, subject conformance.Subject) {
	t.Helper()
	session, err := suite.Open(t.Context(), subject, suite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	quick := []string{
		"says what it is", "states a schema", "wrong settings are refused", "create gives what was asked for", "create again gives the same server",
		"create from two processes at the same time makes one server", "list selects by every tag", "deleted is gone", "kill at every point of create",
		"kill at every point of delete", "quota", "capabilities are as declared", "servers survive their provider", "nothing is left behind",
	}
	for _, check := range suite.Checks(plugins.Cloud) {
		if !slices.Contains(quick, check.Name) {
			continue
		}
		t.Run(check.Name, func(t *testing.T) {
			for _, failure := range session.Run(t.Context(), check).Failures {
				t.Error(failure)
			}
		})
	}
}
