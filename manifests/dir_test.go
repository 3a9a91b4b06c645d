package manifests

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// running is a Dir at work.
type running struct {
	t     *testing.T
	snaps chan Snapshot
	last  Snapshot
}

func start(t *testing.T, path string) *running {
	t.Helper()
	d, err := OpenDir(path, slog.New(slog.NewTextHandler(t.Output(), nil)))
	must(t, err)
	r := &running{t: t, snaps: make(chan Snapshot, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx, func(s Snapshot) { r.snaps <- s }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	return r
}

// names are the instances of a snapshot, the bad ones with an exclamation mark.
func names(s Snapshot) string {
	all := slices.Collect(maps.Keys(s.Manifests))
	for name := range s.Errors {
		all = append(all, name+"!")
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// until waits for a snapshot that is as wanted.
func (r *running) until(what string, ok func(Snapshot) bool) time.Duration {
	r.t.Helper()
	began := time.Now()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case r.last = <-r.snaps:
			if ok(r.last) {
				return time.Since(began)
			}
		case <-deadline:
			r.t.Fatalf("waiting for %s, have %s", what, names(r.last))
		}
	}
}

func (r *running) names(want string) time.Duration {
	r.t.Helper()
	return r.until(want, func(s Snapshot) bool { return names(s) == want })
}

func (r *running) run(instance, want string) {
	r.t.Helper()
	took := r.until(want, func(s Snapshot) bool {
		m := s.Manifests[instance]
		return m != nil && m.Steps[0].Run == want && strings.Contains(string(s.Texts[instance]), want)
	})
	if took > rescan/2 { // it was told, and did not look by itself
		r.t.Errorf("%s was in force after %v", want, took)
	}
}

func run(command string) string { return fmt.Sprintf("[[step]]\nrun = %q\n", command) }

func TestDirFollowsFiles(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir)
	r.names("")
	shop := filepath.Join(dir, "shop.toml")
	write(t, shop, run("one"))
	r.run("shop", "one")
	write(t, shop, run("two")) // same size, likely the same time
	r.run("shop", "two")
	write(t, shop+".tmp", run("three"))
	must(t, os.Rename(shop+".tmp", shop))
	r.run("shop", "three")
	write(t, shop, "bad")
	r.names("shop!")
	write(t, filepath.Join(dir, "blog.toml"), run("blog"))
	r.names("blog shop!")
	write(t, shop, run("four"))
	r.run("shop", "four")
	must(t, os.Remove(shop))
	r.names("blog")
}

func TestDirSurvivesRemoval(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "manifests")
	must(t, os.Mkdir(dir, 0o755))
	write(t, filepath.Join(dir, "shop.toml"), run("one"))
	r := start(t, dir)
	r.names("shop")
	must(t, os.RemoveAll(dir))
	must(t, os.Mkdir(dir, 0o755))
	write(t, filepath.Join(dir, "blog.toml"), run("blog"))
	r.names("blog")
	must(t, os.Rename(dir, dir+".old"))
	must(t, os.Mkdir(dir, 0o755))
	write(t, filepath.Join(dir, "shop.toml"), run("two"))
	r.run("shop", "two")
	write(t, filepath.Join(dir, "shop.toml"), run("three"))
	r.run("shop", "three")
}

// A directory that is gone is no change: nobody's manifest was deleted.
func TestDirGoneIsNoChange(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "manifests")
	must(t, os.Mkdir(dir, 0o755))
	write(t, filepath.Join(dir, "shop.toml"), run("one"))
	s := fileSet{dir: dir}
	if different, err := s.read(); !different || err != nil {
		t.Fatalf("at first: %v, %v", different, err)
	}
	if different, err := s.read(); different || err != nil {
		t.Errorf("unchanged: %v, %v", different, err)
	}
	must(t, os.RemoveAll(dir))
	if different, err := s.read(); different || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v, %v", different, err)
	}
	if names(s.snapshot()) != "shop" {
		t.Errorf("the last state is %s", names(s.snapshot()))
	}
}

// A ConfigMap: the files are links through ..data, which is swapped at once.
func TestDirFollowsLinks(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for _, version := range []string{"one", "two"} {
		must(t, os.Mkdir(filepath.Join(dir, ".."+version), 0o755))
		write(t, filepath.Join(dir, ".."+version, "shop.toml"), run(version))
	}
	data := filepath.Join(dir, "..data")
	must(t, os.Symlink("..one", data))
	must(t, os.Symlink("..data/shop.toml", filepath.Join(dir, "shop.toml")))
	r := start(t, dir)
	r.run("shop", "one")
	must(t, os.Symlink("..two", data+".tmp"))
	must(t, os.Rename(data+".tmp", data))
	r.run("shop", "two")

	write(t, filepath.Join(other, "there"), run("there"))
	must(t, os.Symlink(filepath.Join(other, "there"), filepath.Join(dir, "blog.toml")))
	r.run("blog", "there")
	write(t, filepath.Join(other, "there"), run("moved"))
	r.run("blog", "moved")
}

func TestReadDir(t *testing.T) {
	dir := t.TempDir()
	for i := range 200 {
		write(t, filepath.Join(dir, fmt.Sprintf("good-%03d.toml", i)), run("x"))
	}
	bad := map[string]string{
		"syntax": "x", "types": "step = 1", "unknown": run("x") + "zzz = 1", "large": strings.Repeat("#", maxFile+1), "twice": run("x") + "run = 1",
		"utf16": "\xff\xfex\x00", "latin1": "# \xfc", "mark": "\xef\xbb\xbf", "empty": "", "deep": "x = " + strings.Repeat("[", 100000), "a_b": run("x"), "Shop": run("x"), "-x": run("x"),
	}
	for name, text := range bad {
		write(t, filepath.Join(dir, name+".toml"), text)
	}
	write(t, filepath.Join(dir, "loud.TOML"), run("x"))
	must(t, os.Mkdir(filepath.Join(dir, "dir.toml"), 0o755))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe.toml"), 0o644))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "link.toml")))
	for _, name := range []string{".hidden.toml", "#shop.toml", "#shop.toml#", "shop.toml~", ".shop.toml.swp", "shop.toml.bak", "README"} {
		write(t, filepath.Join(dir, name), "x")
	}
	snap, err := ReadDir(dir)
	must(t, err)
	if len(snap.Manifests) != 200 || len(snap.Texts) != 200 {
		t.Errorf("%d manifests, %d texts", len(snap.Manifests), len(snap.Texts))
	}
	var got []string
	for name, errs := range snap.Errors {
		got = append(got, name)
		for _, e := range errs {
			if filepath.Dir(e.File) != dir || e.Line < 1 || e.Column < 1 || e.Message == "" {
				t.Errorf("%s: %v", name, e)
			}
		}
	}
	slices.Sort(got)
	want := "-x.toml Shop.toml a_b.toml deep dir empty large latin1 link loud.TOML mark pipe syntax twice types unknown utf16"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if _, err := ReadDir(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := OpenDir(filepath.Join(dir, "README"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file is opened as a directory")
	}
}

// A file that was not written lately is not parsed again.
func TestUnchangedFilesStay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "shop.toml")
	write(t, path, run("one"))
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(path, old, old))
	s := fileSet{dir: dir}
	_, err := s.read()
	must(t, err)
	before := s.files["shop.toml"]
	_, err = s.read()
	must(t, err)
	if s.files["shop.toml"] != before {
		t.Error("the file was read again")
	}
	write(t, path, run("two"))
	if different, err := s.read(); !different || err != nil {
		t.Errorf("changed: %v, %v", different, err)
	}
}
