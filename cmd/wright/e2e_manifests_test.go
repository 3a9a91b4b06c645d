package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// listManifests is what manifest list says, by name.
func listManifests(h *wrighttest.House) map[string]manifestRow {
	var rows []manifestRow
	h.JSON(&rows, "manifest", "list")
	all := map[string]manifestRow{}
	for _, r := range rows {
		all[r.Name] = r
	}
	return all
}

// badTexts are files that must be refused, by their names.
func badTexts() map[string][]byte {
	good := "[[step]]\nrun = \"true\"\n"
	many := func(s string, n int) []byte { return []byte(strings.Repeat(s, n)) }
	return map[string][]byte{
		"syntax.toml":       []byte("[[step]\nrun = \"true\"\n"),
		"unclosed.toml":     []byte("[[step]]\nrun = \"true\n"),
		"types.toml":        []byte("priority = \"high\"\n" + good),
		"table.toml":        []byte("step = \"true\"\n"),
		"unknown.toml":      []byte(good + "timout = \"1m\"\n"),
		"duplicate.toml":    []byte("priority = 1\npriority = 2\n" + good),
		"same-step.toml":    []byte("[[step]]\nname = \"a\"\nrun = \"true\"\n[[step]]\nname = \"a\"\nrun = \"true\"\n"),
		"range.toml":        []byte("priority = 99999999999999999999\n" + good),
		"duration.toml":     []byte("tree-stable-timer = \"soon\"\n" + good),
		"ext.toml":          []byte("[source]\ngit = \"ext::sh -c true\"\n"),
		"utf16.toml":        append([]byte{0xff, 0xfe}, bytes.ReplaceAll([]byte(good), []byte("r"), []byte{'r', 0})...),
		"nul.toml":          []byte(good + "# \x00\n"),
		"latin1.toml":       []byte(good + "# caf\xe9\n"),
		"huge.toml":         append([]byte(good), many("# x\n", 1<<20)...),
		"deep.toml":         append([]byte(good+"x = "), many("[", 100_000)...),
		"many.toml":         many(good, 10_000),
		"Upper.toml":        []byte(good),
		"under_score.toml":  []byte(good),
		"GOOD-1.toml":       []byte(good),
		"-dash.toml":        []byte(good),
		"sp ace.toml":       []byte(good),
		"caf\u00e9.toml":    []byte(good),
		"no-utf8-\xff.toml": []byte(good),
	}
}

// writeBad fills a directory with bad manifests of every kind and returns how
// many there are.
func writeBad(t *testing.T, dir string) (n int) {
	t.Helper()
	for name, text := range badTexts() {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
		n++
	}
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "directory.toml"), 0o755),
		os.Symlink("nowhere", filepath.Join(dir, "dangling.toml")),
		os.Symlink("/dev/zero", filepath.Join(dir, "device.toml")),
		os.Symlink("loop.toml", filepath.Join(dir, "loop.toml")),
		syscall.Mkfifo(filepath.Join(dir, "pipe.toml"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestBadManifestsDoNotTouchGoodOnes: of a directory with 200 good manifests and
// more than 20 bad ones of every kind the 200 are in force, each bad one is told
// with its place, and there is nothing else.
func TestBadManifestsDoNotTouchGoodOnes(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	for i := range 200 {
		h.Write(fmt.Sprintf("good-%d", i), fmt.Sprintf("priority = %d\n[[step]]\nrun = \"true\"\n", i))
	}
	bad := writeBad(t, h.Manifests)
	for _, name := range []string{"README.md", ".hidden.toml", "backup.toml~", "good-1.toml.swp"} {
		if err := os.WriteFile(filepath.Join(h.Manifests, name), []byte("no manifest"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h.Master()
	var all map[string]manifestRow
	h.Await("all manifests to be looked at", func() bool {
		all = listManifests(h)
		return len(all) >= 200+bad
	})
	inForce := 0
	for name, row := range all {
		switch {
		case row.InForce && len(row.Errors) == 0 && strings.HasPrefix(name, "good-"):
			inForce++
		case row.InForce || len(row.Errors) == 0:
			t.Errorf("%s: in force %v, errors %v", name, row.InForce, row.Errors)
		}
		for _, e := range row.Errors {
			if e.File == "" || e.Line < 1 || e.Column < 1 || e.Message == "" {
				t.Errorf("%s: an error without place: %+v", name, e)
			}
		}
	}
	if inForce != 200 || len(all) != 200+bad {
		t.Errorf("%d in force, want 200; %d in all, want %d", inForce, len(all), 200+bad)
	}
	checkOffline(t, h, bad)
}

// checkOffline wants manifest check to find the same files bad.
func checkOffline(t *testing.T, h *wrighttest.House, bad int) {
	t.Helper()
	r := h.Run("manifest", "check", h.Manifests, "-o", "json")
	var found []view.Problem
	if err := json.Unmarshal([]byte(r.Out), &found); err != nil || r.Status != 1 {
		t.Fatalf("manifest check: status %d, %v\n%.500s", r.Status, err, r.Out)
	}
	files := map[string]bool{}
	for _, p := range found {
		files[p.File] = true
	}
	if len(files) != bad {
		t.Errorf("manifest check finds %d bad files, want %d: %v", len(files), bad, files)
	}
}

// atOnce is less than a second on a machine that does nothing else; a test's
// machine does.
const atOnce = 20 * time.Second

// TestManifestInForceAtOnce: a new, changed, renamed or removed manifest is in
// force, or no more, in less than a second; a bad edit is told, and the last
// good version stays, also after the master was killed.
func TestManifestInForceAtOnce(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	master := h.Master()
	version := func(n int) string {
		return fmt.Sprintf("[[watch]]\ngit = \"file:///version/%d\"\n[[step]]\nrun = \"true\"\n", n)
	}
	path := filepath.Join(h.Manifests, "shop.toml")
	within := func(what string, holds func() bool) {
		t.Helper()
		began := time.Now()
		h.Await(what, holds)
		if took := time.Since(began); took > atOnce {
			t.Errorf("%s took %s", what, took)
		}
	}
	is := func(n int) func() bool {
		return func() bool {
			all, err := h.Instance("shop")
			if err != nil || !all.InForce {
				return false
			}
			_, found := h.Watches("shop")[fmt.Sprintf("file:///version/%d", n)]
			return found
		}
	}
	h.Write("shop", version(1))
	within("a new manifest", is(1))
	for n := 2; n <= 5; n++ {
		if err := os.WriteFile(path, []byte(version(n)), 0o644); err != nil { // in place, as careless people do
			t.Fatal(err)
		}
		within("a changed manifest", is(n))
	}
	h.Write("shop", version(6))
	within("a manifest renamed over another", is(6))

	h.Write("shop", "[[step]\n")
	bad := func() bool { i, err := h.Instance("shop"); return err == nil && i.InForce && len(i.Errors) > 0 }
	within("a bad edit", bad)
	if !is(6)() {
		t.Error("the last good version has gone")
	}
	master.Kill()
	h.Master()
	h.Await("the bad edit to be told after a restart", bad)
	if !is(6)() {
		t.Error("the last good version has gone with the master")
	}
	h.Write("shop", version(7))
	within("a mended manifest", func() bool { return is(7)() && !bad() })

	if err := os.Rename(path, filepath.Join(h.Manifests, "store.toml")); err != nil {
		t.Fatal(err)
	}
	within("another name", func() bool {
		all := listManifests(h)
		return len(all) == 1 && all["store"].InForce
	})
	if err := os.Remove(filepath.Join(h.Manifests, "store.toml")); err != nil {
		t.Fatal(err)
	}
	within("a removed manifest", func() bool { return len(listManifests(h)) == 0 })
	if r := h.Run("build", "start", "store"); r.Status != 1 {
		t.Errorf("build start of a removed manifest: status %d", r.Status)
	}
}
