package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins/host"
)

func TestLockChanges(t *testing.T) {
	before := []host.LockEntry{{File: "a", SHA256: "1"}, {File: "b", SHA256: "2"}, {File: "z", SHA256: "9", Version: "1"}}
	now := []host.LockEntry{{File: "b", SHA256: "3"}, {File: "c", SHA256: "4"}, {File: "a", SHA256: "1", Version: "2"}}
	want := []lockRow{{"b", "changed", "", "3", "2"}, {"c", "new", "", "4", ""}, {"a", "same", "2", "1", ""}, {"z", "gone", "1", "", "9"}}
	if got := lockChanges(before, now); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := lockChanges(nil, nil); got == nil || len(got) > 0 {
		t.Errorf("nothing became %v", got)
	}
}

// pluginFiles makes directories of files that look like plugins.
func pluginFiles(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		path := filepath.Join(root, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestChoosePlugin(t *testing.T) {
	root := pluginFiles(t, "a/wright-cloud-moon", "a/wright-dns-moon", "b/wright-dns-hosts", "c/wright-dns-hosts", "c/other")
	dirs := []string{filepath.Join(root, "a"), filepath.Join(root, "b")}
	for arg, want := range map[string]string{
		"cloud-moon":                      "a/wright-cloud-moon",
		"wright-dns-moon":                 "a/wright-dns-moon",
		"hosts":                           "b/wright-dns-hosts",
		root + "/c/wright-dns-hosts":      "c/wright-dns-hosts",
		root + "/c/../c/wright-dns-hosts": "c/wright-dns-hosts",
		"moon":                            "moon may be cloud-moon or dns-moon: which one?",
		"mars":                            "there is no plugin mars in",
		root + "/c/other":                 "is no executable file called wright-KIND-NAME",
		root + "/c/gone":                  "no such file",
	} {
		dir, p, err := choosePlugin(dirs, arg)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", arg, err, want)
			}
			continue
		}
		if p.Path != filepath.Join(root, want) || dir != filepath.Dir(p.Path) {
			t.Errorf("%s: %s in %s, want %s", arg, p.Path, dir, want)
		}
	}
}

func TestLockStates(t *testing.T) {
	root := pluginFiles(t, "locked/wright-dns-a", "locked/wright-dns-b", "open/wright-dns-a", "bad/wright-dns-a", "bad/plugins.lock")
	locked := filepath.Join(root, "locked")
	entries, err := host.LockDir(locked)
	if err != nil {
		t.Fatal(err)
	}
	if err := host.WriteLock(locked, entries[:1]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bad", "plugins.lock"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := lockStates([]string{locked, filepath.Join(root, "open"), filepath.Join(root, "bad")})
	for file, want := range map[string]string{
		"locked/wright-dns-a": "yes", "locked/wright-dns-b": "refused", "open/wright-dns-a": "no", "bad/wright-dns-a": "refused",
	} {
		if got, err := s.of(filepath.Join(root, file)); got != want || (err != nil) != (want == "refused") || errors.Is(err, host.ErrNoLock) {
			t.Errorf("%s: %s, %v; want %s", file, got, err, want)
		}
	}
}
