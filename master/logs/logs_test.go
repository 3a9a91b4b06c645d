package logs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/master/logs"
)

func shop(n int) logs.Attempt {
	return logs.Attempt{Instance: "shop", Build: fmt.Sprintf("shop-%06d", n), Attempt: 1}
}

func open(t testing.TB, dir string) *logs.Logs {
	t.Helper()
	l, err := logs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func put(t testing.TB, l *logs.Logs, a logs.Attempt, part int, offset int64, data string, end bool) {
	t.Helper()
	if _, err := l.Append(a, part, fmt.Sprintf("part %d", part), offset, []byte(data), end); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, l *logs.Logs, a logs.Attempt, part int) string {
	t.Helper()
	r, err := l.Reader(a, part)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// gather collects what a follower is given, by part.
type gather map[int]*bytes.Buffer

func (g gather) emit(p logs.Part, data []byte) error {
	if g[p.Number] == nil {
		g[p.Number] = new(bytes.Buffer)
	}
	g[p.Number].Write(data)
	return nil
}

// Whatever comes in whatever pieces, again and again, in a wrong order and
// with restarts between: what is held is always a beginning of the output, and
// in the end it is the output.
func TestEveryByteOnce(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		l, err := logs.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		a := shop(1)
		whole := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', '\n'}), 1, 200), 1, 3).Draw(t, "parts")
		for range rapid.IntRange(0, 60).Draw(t, "chunks") {
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if l, err = logs.Open(dir); err != nil {
					t.Fatal(err)
				}
			}
			part := rapid.IntRange(0, len(whole)-1).Draw(t, "part")
			data := whole[part]
			from := rapid.IntRange(0, len(data)).Draw(t, "from")
			to := rapid.IntRange(from, len(data)).Draw(t, "to")
			end := to == len(data) && rapid.Bool().Draw(t, "end")
			size, err := l.Append(a, part, "step", int64(from), data[from:to], end)
			if err != nil && !errors.Is(err, logs.ErrGap) {
				t.Fatalf("append [%d,%d) of %d: %v", from, to, len(data), err)
			}
			if errors.Is(err, logs.ErrGap) != (size < int64(from)) || size < int64(to) && err == nil {
				t.Fatalf("append [%d,%d): size %d, error %v", from, to, size, err)
			}
			prefixHeld(t, l, a, part, data, size)
		}
		deliver(t, l, a, whole)
		if err := l.Finish(a); err != nil {
			t.Fatal(err)
		}
		allHeld(t, l, a, whole)
		_ = l.Close()
		if l, err = logs.Open(dir); err != nil {
			t.Fatal(err)
		}
		allHeld(t, l, a, whole)
	})
}

func allHeld(t *rapid.T, l *logs.Logs, a logs.Attempt, whole [][]byte) {
	g := gather{}
	if err := l.Copy(context.Background(), a, nil, nil, g.emit); err != nil {
		t.Fatal(err)
	}
	for part, data := range whole {
		prefixHeld(t, l, a, part, data, int64(len(data)))
		if g[part] == nil || !bytes.Equal(g[part].Bytes(), data) {
			t.Fatalf("part %d: copied %v, want %q", part, g[part], data)
		}
	}
}

// deliver does what an agent does: it goes on where the master says.
func deliver(t *rapid.T, l *logs.Logs, a logs.Attempt, whole [][]byte) {
	for part, data := range whole {
		size, err := l.Append(a, part, "step", int64(len(data)), nil, true)
		for errors.Is(err, logs.ErrGap) {
			size, err = l.Append(a, part, "step", size, data[size:], true)
		}
		if err != nil || size != int64(len(data)) {
			t.Fatalf("deliver part %d: %d of %d bytes, %v", part, size, len(data), err)
		}
	}
}

func prefixHeld(t *rapid.T, l *logs.Logs, a logs.Attempt, part int, whole []byte, size int64) {
	r, err := l.Reader(a, part)
	if size == 0 && errors.Is(err, logs.ErrNotFound) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	got, err := io.ReadAll(r)
	if err != nil || int64(len(got)) != size || !bytes.Equal(got, whole[:size]) {
		t.Fatalf("part %d holds %q (%v), want the first %d bytes of %q", part, got, err, size, whole)
	}
}

func TestRefusals(t *testing.T) {
	a := shop(1)
	tests := []struct {
		name   string
		offset int64
		data   string
		end    bool
		size   int64
		err    error // nil: any
	}{
		{"gap", 6, "x", false, 5, logs.ErrGap},
		{"empty past the end", 6, "", true, 5, logs.ErrGap},
		{"ends before what is held", 0, "hel", true, 5, nil},
		{"negative offset", -1, "x", false, 0, nil},
	}
	l := open(t, t.TempDir())
	put(t, l, a, 1, 0, "hello", false)
	for _, tt := range tests {
		size, err := l.Append(a, 1, "x", tt.offset, []byte(tt.data), tt.end)
		if err == nil || size != tt.size || tt.err != nil && !errors.Is(err, tt.err) {
			t.Errorf("%s: size %d, error %v; want %d, %v", tt.name, size, err, tt.size, tt.err)
		}
	}
	put(t, l, a, 1, 5, "", true)
	if _, err := l.Append(a, 1, "x", 5, []byte("!"), false); !errors.Is(err, logs.ErrEnded) {
		t.Errorf("data after the end: %v", err)
	}
	put(t, l, a, 1, 2, "llo", true)
	if got := read(t, l, a, 1); got != "hello" {
		t.Errorf("after refusals: %q", got)
	}
}

func TestNamesThatLeadOutAreRefused(t *testing.T) {
	dir := t.TempDir()
	l := open(t, filepath.Join(dir, "logs"))
	for _, a := range []logs.Attempt{
		{}, {"..", "..-1", 1}, {"shop", "../shop-1", 1}, {"shop", "shop-1/..", 1}, {"shop", "shop-..", 1}, {"shop", "shop-", 1},
		{"a/b", "a/b-1", 1}, {"shop", "other-1", 1}, {"shop", "shop-1", 0}, {"shop", "shop-1", -1}, {"", "-1", 1},
		{"shop", "shop-1\x00", 1}, {"Shop", "Shop-1", 1},
	} {
		if _, err := l.Append(a, 0, "x", 0, []byte("x"), false); err == nil {
			t.Errorf("%+v was accepted", a)
		}
		if err := l.Remove(a.Instance, a.Build); err == nil && a.Attempt > 0 {
			t.Errorf("removal of %+v was accepted", a)
		}
	}
	for _, part := range []int{-1, 10000} {
		if _, err := l.Append(shop(1), part, "x", 0, []byte("x"), false); err == nil {
			t.Errorf("part %d was accepted", part)
		}
	}
	if found := files(t, dir); !slices.Equal(found, []string{"logs"}) {
		t.Errorf("on disk: %v", found)
	}
}

func TestPartNamesSurvive(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	names := []string{"wright", "", "../../etc/passwd", "größe 100%", ".", "a.12.log", "x.part", "new\nline\x00", strings.Repeat("ü", 200)}
	for i, name := range names {
		if _, err := l.Append(shop(1), i, name, 0, []byte(name+"!"), i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	before, err := l.Parts(shop(1))
	if err != nil {
		t.Fatal(err)
	}
	after, err := open(t, dir).Parts(shop(1))
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("after a restart: %v, %v; before: %v", after, err, before)
	}
	for i, name := range names {
		if got := before[i]; got.Name != name && i < len(names)-1 || got.Ended != (i%2 == 0) || !strings.HasPrefix(name, got.Name) {
			t.Errorf("part %d: %+v, want name %q", i, got, name)
		}
		if got := read(t, l, shop(1), i); got != name+"!" {
			t.Errorf("part %d holds %q", i, got)
		}
	}
}

func TestReaderSeeks(t *testing.T) {
	l := open(t, t.TempDir())
	put(t, l, shop(1), 1, 0, "0123456789", false)
	r, err := l.Reader(shop(1), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	put(t, l, shop(1), 1, 10, "later", true)
	if _, err := r.Seek(-3, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "789" || r.Part.Size != 10 {
		t.Errorf("tail %q of %+v, %v", got, r.Part, err)
	}
	if _, err := l.Reader(shop(1), 2); !errors.Is(err, logs.ErrNotFound) {
		t.Errorf("reader of no part: %v", err)
	}
}

func random(n int) []byte {
	data := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	_, _ = r.Read(data)
	return data
}
