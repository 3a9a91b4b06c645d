package build

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A file of output serves another attempt only if nobody can write to it any more.
func TestRecycle(t *testing.T) {
	open := func(flag int) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			f, err := os.OpenFile(path, flag, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
		}
	}
	must := func(do func(path string) error) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := do(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	instead := func(do func(path string) error) func(t *testing.T, path string) {
		return must(func(path string) error { return errors.Join(os.Remove(path), do(path)) })
	}
	for name, c := range map[string]struct {
		before func(t *testing.T, path string)
		want   bool
	}{
		"as it was written":        {func(*testing.T, string) {}, true},
		"open for writing":         {open(os.O_WRONLY), false},
		"open for appending":       {open(os.O_WRONLY | os.O_APPEND), false},
		"open for both":            {open(os.O_RDWR), false},
		"under another name too":   {must(func(path string) error { return os.Link(path, path+".kept") }), false},
		"for others to write to":   {must(func(path string) error { return os.Chmod(path, 0o622) }), false},
		"a directory":              {instead(func(path string) error { return os.Mkdir(path, 0o700) }), false},
		"a link to the true one":   {must(func(path string) error { return errors.Join(os.Rename(path, path+"x"), os.Symlink(path+"x", path)) }), false},
		"a pipe that nobody reads": {instead(func(path string) error { return unix.Mkfifo(path, 0o600) }), false},
		"gone":                     {must(os.Remove), false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "part-0001")
			if err := os.WriteFile(path, []byte("of the build before"), 0o600); err != nil {
				t.Fatal(err)
			}
			c.before(t, path)
			if got := recycle(path); got != c.want {
				t.Fatalf("it is recycled: %t, want %t", got, c.want)
			}
			info, err := os.Stat(path)
			switch {
			case errors.Is(err, fs.ErrNotExist) && name == "gone":
			case err != nil:
				t.Error(err)
			case c.want != (info.Size() == 0) && info.Mode().IsRegular():
				t.Errorf("%d bytes are left", info.Size())
			}
		})
	}
}
