package logs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/master/logs"
)

func TestAttachedFilesAreWholeAndReplaced(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for _, text := range []string{"one", "", "another", strings.Repeat("x", 1<<20)} {
		if err := l.Attach("shop", "shop-000001", "watch.toml", []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := l.Attached("shop", "shop-000001", "watch.toml")
		if err != nil || string(got) != text {
			t.Errorf("%d bytes came back as %d, %v", len(text), len(got), err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "shop", "shop-000001", "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, "shop", "shop-000001", ".*"))
	if err != nil || len(files) != 1 || len(hidden) != 0 {
		t.Errorf("on disk are %q and %q, %v", files, hidden, err)
	}
}

func TestAttachedFilesAreNoOutputAndGoWithIt(t *testing.T) {
	l := open(t, t.TempDir())
	if err := l.Attach("shop", "shop-000001", "watch.toml", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if attempts, err := l.Attempts("shop", "shop-000001"); err != nil || len(attempts) != 0 {
		t.Errorf("attempts %v, %v", attempts, err)
	}
	if err := l.Remove("shop", "shop-000001"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Attached("shop", "shop-000001", "watch.toml"); !errors.Is(err, logs.ErrNotFound) {
		t.Errorf("after the removal: %v", err)
	}
}

func TestWhatIsNotAttached(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for _, c := range []struct{ instance, build, name string }{
		{"shop", "shop-000001", "../x"}, {"shop", "shop-000001", ""}, {"shop", "shop-000001", "1"}, {"shop", "shop-000001", ".x"},
		{"shop", "shop-000001", "a/b"}, {"shop", "other-000001", "x"}, {"..", "..-1", "x"}, {"shop", "shop-1/..", "x"},
		{"shop", "shop-000001", strings.Repeat("a", 61)},
	} {
		if err := l.Attach(c.instance, c.build, c.name, nil); err == nil {
			t.Errorf("%+v is attached", c)
		}
		if _, err := l.Attached(c.instance, c.build, c.name); err == nil || errors.Is(err, logs.ErrNotFound) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := l.Attach("shop", "shop-000001", "x", make([]byte, 1<<20+1)); err == nil {
		t.Error("a large file is attached")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("written: %v, %v", entries, err)
	}
}

func TestBuildsAreListedByTheirNumber(t *testing.T) {
	l := open(t, t.TempDir())
	var want []string
	for _, n := range []int{1000000, 999999, 12, 2} {
		want = append(want, fmt.Sprintf("shop-%06d", n))
	}
	for _, i := range []int{2, 0, 3, 1} {
		if err := l.Attach("shop", want[i], "x", nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := l.Builds("shop"); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if got, err := l.Builds("nobody"); err != nil || len(got) != 0 {
		t.Errorf("of nobody: %q, %v", got, err)
	}
	if _, err := l.Builds("../x"); err == nil {
		t.Error("a path is taken for an instance")
	}
}
