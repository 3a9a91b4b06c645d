package build

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// used takes a directory and writes a journal into it.
func used(t *testing.T, s *Spares, dir string) *os.File {
	t.Helper()
	if err := s.take(dir); err != nil {
		t.Fatal(err)
	}
	f, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.WriteString("{}\n"); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSpares(t *testing.T) {
	root := t.TempDir()
	dir, builds := filepath.Join(root, "spare"), filepath.Join(root, "builds")
	for _, d := range []string{builds, filepath.Join(dir, "3")} { // the latter from a former process
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s, err := NewSpares(dir)
	if err != nil {
		t.Fatal(err)
	}
	if left := entries(t, dir); left != nil {
		t.Errorf("of a former process: %v", left)
	}
	first := filepath.Join(builds, "first")
	if err := s.give(first, used(t, s, first)); err != nil {
		t.Fatal(err)
	}
	if left := entries(t, builds); left != nil {
		t.Errorf("given away, and there: %v", left)
	}
	second := filepath.Join(builds, "second")
	if err := s.take(second); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(second, journal)); err != nil || len(data) != 0 {
		t.Errorf("the spare one's journal: %q, %v", data, err)
	}
	if err := s.take(second); err == nil {
		t.Error("a directory that is there was taken")
	}
	if left := entries(t, dir); left != nil {
		t.Errorf("spare: %v", left)
	}
}

func TestSparesAreBounded(t *testing.T) {
	root := t.TempDir()
	s, err := NewSpares(filepath.Join(root, "spare"))
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		var dirs []string
		journals := map[string]*os.File{}
		for i := range maxSpares + 5 {
			dir := filepath.Join(root, fmt.Sprint(i))
			dirs, journals[dir] = append(dirs, dir), used(t, s, dir)
		}
		for _, dir := range dirs {
			if err := s.give(dir, journals[dir]); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(entries(t, filepath.Join(root, "spare"))); n != maxSpares {
			t.Errorf("round %d: %d spares, want %d", round, n, maxSpares)
		}
		if left := entries(t, root); len(left) != 1 {
			t.Errorf("round %d: left: %v", round, left)
		}
		if err := s.Clear(); err != nil {
			t.Fatal(err)
		}
		if left := entries(t, root); left != nil {
			t.Errorf("round %d: cleared, and left: %v", round, left)
		}
	}
}

// TestDirtyDirectoryIsNoSpare: what cannot be removed, as files of another user
// that a step made in a container, must not get into the next build.
func TestDirtyDirectoryIsNoSpare(t *testing.T) {
	tools, _ := tools(t)
	dir := filepath.Join(t.TempDir(), "shop-000001.1")
	a, err := New(tools, dir, work())
	if err != nil {
		t.Fatal(err)
	}
	defer a.journal.Close()
	stuck := filepath.Join(dir, "workspace", "stuck")
	if err := os.MkdirAll(stuck, 0o700); err != nil {
		t.Fatal(err)
	}
	if !immutable(t, stuck, true) {
		t.Skip("no way to make a directory that cannot be removed here")
	}
	defer immutable(t, stuck, false)
	a.clear(t.Context())
	if _, err := os.Stat(stuck); err != nil {
		t.Fatalf("it could be removed: %v", err)
	}
	next := filepath.Join(t.TempDir(), "shop-000002.1")
	b, err := New(tools, next, work())
	if err != nil {
		t.Fatal(err)
	}
	defer b.journal.Close()
	if got := entries(t, next); len(got) != 1 || got[0] != journal {
		t.Errorf("the next build begins with %v", got)
	}
	if _, err := Resume(tools, dir); err == nil {
		t.Error("an attempt that is over can be taken up")
	}
}

// immutable makes a directory one that nobody can remove, root included.
func immutable(t *testing.T, dir string, on bool) bool {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	flags := 0
	if on {
		flags = unix.STATX_ATTR_IMMUTABLE // the same bit as FS_IMMUTABLE_FL
	}
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags) == nil
}

// TestWorkThatCannotBeWrittenDown leaves no directory behind.
func TestWorkThatCannotBeWrittenDown(t *testing.T) {
	tools, _ := tools(t)
	dir := filepath.Join(t.TempDir(), "shop-000001.1")
	bad := work("true")
	bad.Steps[0].Name = "\xff" // no text: the wire would refuse it, and so does the journal
	if _, err := New(tools, dir, bad); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory: %v", err)
	}
}
