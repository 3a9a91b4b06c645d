package room

import (
	"math/rand/v2"
	"testing"
)

const gib = 1 << 30

func TestFull(t *testing.T) {
	both := Mark{Share: 0.05, Bytes: gib}
	tests := []struct {
		name        string
		mark        Mark
		was         bool
		free, total int64
		want        bool
	}{
		{"plenty", both, false, 50 * gib, 100 * gib, false},
		{"below the bytes of a large disk", both, false, gib - 1, 100 * gib, true},
		{"a large disk, less than its share", both, false, 2 * gib, 100 * gib, false},
		{"below the share of a small disk", both, false, gib / 100, gib, true},
		{"a small disk, less than the bytes", both, false, gib / 2, gib, false},
		{"between the marks, from above", both, false, gib + 1, 100 * gib, false},
		{"between the marks, from below", both, true, gib + 1, 100 * gib, true},
		{"above the high mark", both, true, gib + gib/2, 100 * gib, false},
		{"only a share", Mark{Share: 0.1}, false, 9, 100, true},
		{"only bytes", Mark{Bytes: 10}, false, 9, 100, true},
		{"none", Mark{}, true, 0, 100, false},
		{"all of it", Mark{Share: 1}, false, 99, 100, true},
		{"all of it, and it is", Mark{Share: 1}, true, 100, 100, false},
		{"a disk of nothing", both, true, 0, 0, false},
	}
	for _, tt := range tests {
		if got := tt.mark.Full(tt.was, Space{tt.free, tt.total}); got != tt.want {
			t.Errorf("%s: full %v", tt.name, got)
		}
	}
}

// More room never makes a disk full, and what is full is so below the mark.
func TestFullProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		m := Mark{Share: r.Float64() * float64(r.IntN(2)), Bytes: r.Int64N(1000)}
		s, was := Space{Total: r.Int64N(2000)}, r.IntN(2) == 0
		s.Free = r.Int64N(s.Total + 1)
		more := s
		more.Free += r.Int64N(s.Total - s.Free + 1)
		if m.Full(was, more) && !m.Full(was, s) {
			t.Fatalf("%+v: full with %v, not with %v", m, more, s)
		}
		if m.Full(false, s) && !m.Full(true, s) || m.Full(false, s) != (m.Of(s.Total) > 0 && s.Free < m.Of(s.Total)) {
			t.Fatalf("%+v: %v", m, s)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Mark{
		"5%": {Share: 0.05}, "1GiB": {Bytes: gib}, "5%,1GiB": {0.05, gib}, "1GiB, 5%": {0.05, gib}, "0": {}, "0%": {}, "1024": {Bytes: 1024},
		"2TiB": {Bytes: 2 << 40}, "3 MiB": {Bytes: 3 << 20},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "-1", "101%", "-1%", "NaN%", "1GB", "5%,", "99999999999TiB", "1.5GiB"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestLook(t *testing.T) {
	s, err := Look(t.TempDir())
	if err != nil || s.Total <= 0 || s.Free < 0 || s.Free > s.Total {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := Look("/does/not/exist"); err == nil {
		t.Error("a directory that is not there has a disk")
	}
	if got := (Space{300 << 20, 20 * gib}).String(); got != "300.0 MiB of 20.0 GiB free" {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("5%,1GiB")
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := Parse(text); err == nil && (m.Share < 0 || m.Share > 1 || m.Bytes < 0) {
			t.Errorf("%q is %+v", text, m)
		}
	})
}
