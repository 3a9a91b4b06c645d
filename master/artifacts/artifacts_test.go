package artifacts

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var first = Attempt{"shop", "shop-000001", 1}

func announced(path, text string) File {
	sum := sha256.Sum256([]byte(text))
	return File{Path: path, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
}

func keep(t *testing.T, s *Store, a Attempt, path, text string) {
	t.Helper()
	if err := s.Keep(a, announced(path, text), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

func paths(t *testing.T, s *Store, a Attempt) string {
	t.Helper()
	all, err := s.List(a)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range all {
		names = append(names, f.Path)
	}
	return strings.Join(names, " ")
}

func content(t *testing.T, s *Store, a Attempt, path string) string {
	t.Helper()
	file, _, err := s.Open(a, path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestKeepAndOpen(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir)
	keep(t, s, first, "dist/a.tar", "one")
	keep(t, s, first, "b", "")
	keep(t, s, first, "dist/a.tar", "two") // said again
	keep(t, s, Attempt{"shop", "shop-000001", 2}, "c", "x")
	for _, s := range []*Store{s, Open(dir)} { // also after a restart
		if got := paths(t, s, first); got != "b dist/a.tar" {
			t.Errorf("kept are %q", got)
		}
		if got := content(t, s, first, "dist/a.tar"); got != "two" {
			t.Errorf("it says %q", got)
		}
	}
	if _, _, err := s.Open(first, "c"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of another attempt: %v", err)
	}
	if err := s.Remove("shop", "shop-000001"); err != nil || paths(t, s, first) != "" {
		t.Errorf("removed: %v, left is %q", err, paths(t, s, first))
	}
	keep(t, s, first, "a", "x")
	if err := s.Remove("shop", ""); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir)
	keep(t, s, first, "a", "x")
	for name, f := range map[string]File{
		"leads out": announced("../x", "x"), "absolute": announced("/etc/x", "x"), "nothing": announced("", "x"), "odd": announced("b/../c", "x"),
		"a control": announced("b\nc", "x"), "no text": announced("\xff", "x"), "long": announced(strings.Repeat("a", 1001), "x"),
		"below a file": announced("a/b", "x"),
		"too short":    {Path: "c", Size: 2, SHA256: announced("c", "x").SHA256}, "too long": {Path: "c", Size: 0, SHA256: announced("c", "").SHA256},
		"another sum": {Path: "c", Size: 1, SHA256: "00"}, "negative": {Path: "c", Size: -1},
	} {
		if err := s.Keep(first, f, strings.NewReader("x")); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Keep(Attempt{"..", "x", 1}, announced("a", "x"), strings.NewReader("x")); err == nil {
		t.Error("an instance that leads out is taken")
	}
	if got := paths(t, s, first); got != "a" {
		t.Errorf("kept are %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "shop", "*", "*", partial+"*")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// What a crash cuts off is not there, and the next one is.
func TestTornIndex(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir)
	keep(t, s, first, "a", "x")
	at := filepath.Join(dir, "shop", "shop-000001", "1", index)
	f, err := os.OpenFile(at, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"path":"b","si`); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	keep(t, s, first, "c", "y")
	keep(t, s, first, "d", "y")
	if got := paths(t, s, first); got != "a c d" {
		t.Errorf("kept are %q: the one after the torn line is lost", got)
	}
}
