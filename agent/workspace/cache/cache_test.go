package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEvict(t *testing.T) {
	day := 24 * time.Hour
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	use := func(name string, age time.Duration, bytes int64) Use {
		return Use{Name: name, At: now.Add(-age), Bytes: bytes}
	}
	held := use("held", 99*day, 50)
	held.Held = true
	tests := []struct {
		name   string
		all    []Use
		limits Limits
		want   string
	}{
		{"nothing", nil, Limits{10, day}, ""},
		{"no limits", []Use{use("a", 999*day, 1<<50)}, Limits{}, ""},
		{"old", []Use{use("a", 3*day, 1), use("b", day, 1)}, Limits{Age: 2 * day}, "a"},
		{"just old enough to stay", []Use{use("a", 2*day, 1)}, Limits{Age: 2 * day}, ""},
		{"the least recently used first", []Use{use("a", 1, 4), use("b", 3, 4), use("c", 2, 4)}, Limits{Bytes: 8}, "b"},
		{"as many as it takes", []Use{use("a", 1, 4), use("b", 3, 4), use("c", 2, 4)}, Limits{Bytes: 4}, "b c"},
		{"one that is too large itself", []Use{use("a", 1, 9)}, Limits{Bytes: 8}, "a"},
		{"a small new one with a large old one", []Use{use("a", 1, 1), use("b", 2, 8)}, Limits{Bytes: 8}, "b"},
		{"held counts and stays", []Use{held, use("a", 1, 4), use("b", 2, 4)}, Limits{Bytes: 55, Age: 90 * day}, "b"},
		{"a clock set back", []Use{use("a", -day, 1)}, Limits{Age: day}, ""},
	}
	for _, tt := range tests {
		if got := strings.Join(Evict(tt.all, now, tt.limits), " "); got != tt.want {
			t.Errorf("%s: %q goes, want %q", tt.name, got, tt.want)
		}
	}
}

// Whatever there is: what stays is within the bounds but for what is held, and
// nothing goes that was used later than something that stays and is as large.
func TestEvictProperties(t *testing.T) {
	now := time.Now()
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var all []Use
		for i := range r.IntN(12) {
			all = append(all, Use{Name: fmt.Sprint(i), Bytes: r.Int64N(100), At: now.Add(-time.Duration(r.IntN(50)) * time.Hour), Held: r.IntN(5) == 0})
		}
		l := Limits{Bytes: r.Int64N(400), Age: time.Duration(r.IntN(60)) * time.Hour}
		gone := Evict(all, now, l)
		var left int64
		free := false
		for _, u := range all {
			if slices.Contains(gone, u.Name) {
				if u.Held {
					t.Fatalf("seed %d: %+v is held", seed, u)
				}
				continue
			}
			left += u.Bytes
			free = free || !u.Held && u.Bytes > 0
			if l.Age > 0 && now.Sub(u.At) > l.Age && !u.Held {
				t.Fatalf("seed %d: %+v is too old", seed, u)
			}
			for _, g := range all {
				if slices.Contains(gone, g.Name) && g.At.After(u.At) && !u.Held {
					t.Fatalf("seed %d: %+v goes, and %+v stays", seed, g, u)
				}
			}
		}
		if l.Bytes > 0 && left > l.Bytes && free {
			t.Fatalf("seed %d: %d bytes are left", seed, left)
		}
	}
}

func TestTakeTurns(t *testing.T) {
	dir := t.TempDir()
	a, b := Open(dir, Limits{}), Open(dir, Limits{}) // as of two processes
	first, err := a.Take(t.Context(), Key{Remote: "x"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	waits := make(chan error)
	go func() {
		_, err := b.Take(ctx, Key{Remote: "x"})
		waits <- err
	}()
	other, err := b.Take(t.Context(), Key{Remote: "x", As: "somebody"})
	if err != nil {
		t.Fatal(err)
	}
	if other.Dir() == first.Dir() {
		t.Error("two logins share an entry")
	}
	stop()
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting: %v", err)
	}
	if err := b.Sweep(time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	go func() {
		_, err := b.Take(t.Context(), Key{Remote: "x"})
		waits <- err
	}()
	first.Release()
	if err := <-waits; err != nil {
		t.Error(err)
	}
}

// source is a repository of which only the files count.
func source(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	object := filepath.Join(dir, "objects", "ab", strings.Repeat("c", 38))
	if err := os.MkdirAll(filepath.Dir(object), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{filepath.Join(dir, "config"): "[core]\n", object: "text"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	c := Open(dir, Limits{Age: time.Hour})
	for _, name := range []string{"held", "free"} {
		e, err := c.Take(t.Context(), Key{Remote: name})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Keep(source(t), Refs{"main": strings.Repeat("a", 40)}); err != nil {
			t.Fatal(err)
		}
		if e.Empty() {
			t.Error("it keeps nothing")
		}
		if name == "free" {
			e.Release()
		}
	}
	if err := c.Sweep(time.Now()); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.git")); len(left) != 2 {
		t.Errorf("left are %v", left)
	}
	if err := c.Sweep(time.Now().Add(2 * time.Hour)); err != nil {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 2 || !strings.HasPrefix(filepath.Base(left[0]), (Key{Remote: "held"}).name()) {
		t.Errorf("left are %v", left)
	}
	if err := c.Clear(func() bool { return false }); err != nil {
		t.Error(err)
	}
	var none *Cache
	if err := errors.Join(none.Sweep(time.Now()), none.Clear(func() bool { return false })); err != nil {
		t.Error(err)
	}
}

// What a crash left is gone when the entry is taken next.
func TestMend(t *testing.T) {
	c := Open(t.TempDir(), Limits{})
	k := Key{Remote: "x"}
	e, err := c.Take(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Keep(source(t), Refs{"main": strings.Repeat("a", 40)}); err != nil {
		t.Fatal(err)
	}
	e.Release()
	odd := []string{"objects/pack/tmp_pack_x", "objects/pack/.tmp-pack-x.pack", "refs/heads/x.lock", "../" + filepath.Base(e.Dir()) + goneSuffix}
	for _, name := range odd {
		if err := os.WriteFile(filepath.Join(e.Dir(), name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	empty := filepath.Join(e.Dir(), "refs", "heads", "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err = c.Take(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(odd, "refs/heads/empty") {
		if _, err := os.Lstat(filepath.Join(e.Dir(), name)); err == nil {
			t.Errorf("%s is left", name)
		}
	}
	if e.Empty() {
		t.Error("all is gone")
	}
}

func TestShareFindsDamage(t *testing.T) {
	c := Open(t.TempDir(), Limits{})
	e, err := c.Take(t.Context(), Key{Remote: "x"})
	if err != nil {
		t.Fatal(err)
	}
	pack := filepath.Join(e.Dir(), "objects", "pack", "pack-x.pack")
	if err := os.MkdirAll(filepath.Dir(pack), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pack, []byte("some text, and no sum of it behind"), 0o600); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := e.Share(to); err == nil || !strings.Contains(err.Error(), "pack-x.pack is damaged") {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(to, "objects", "pack", "*")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}
