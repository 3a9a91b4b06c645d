package pack

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"testing"

	"pgregory.net/rapid"
)

func none() error { return nil }

func packed(t rapid.TB, texts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter()
	if err != nil {
		t.Fatal(err)
	}
	w.Begin(&b)
	for i, text := range texts {
		if err := w.Add(Part{Number: i * 3, Name: fmt.Sprint("part ", i), Ended: i%2 == 0}, bytes.NewReader(text), none); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpacked(t rapid.TB, whole []byte, part int, at int64, n int) []byte {
	t.Helper()
	parts, err := Open(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	out := make([]byte, n)
	read, err := NewReader(bytes.NewReader(whole), parts[part], d).ReadAt(out, at)
	if err != nil || read != n {
		t.Fatalf("read %d of %d bytes at %d: %v", read, n, at, err)
	}
	return out
}

func TestEveryRangeReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var texts [][]byte
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			piece := rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "piece")
			texts = append(texts, bytes.Repeat(piece, rapid.SampledFrom([]int{1, 1000, SegmentSize / 10}).Draw(t, "times")))
		}
		whole := packed(t, texts...)
		i := rapid.IntRange(0, len(texts)-1).Draw(t, "part")
		from := rapid.IntRange(0, len(texts[i])).Draw(t, "from")
		to := rapid.IntRange(from, len(texts[i])).Draw(t, "to")
		if got := unpacked(t, whole, i, int64(from), to-from); !bytes.Equal(got, texts[i][from:to]) {
			t.Fatalf("[%d,%d) of part %d reads otherwise", from, to, i)
		}
	})
}

// Whatever is cut off or changed: it is noticed, or reads as it was.
func TestDamageIsNoticed(t *testing.T) {
	text := bytes.Repeat([]byte("some output\n"), 20_000)
	whole := packed(t, text, text[:100])
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	check := func(what string, bad []byte) {
		parts, err := Open(bytes.NewReader(bad), int64(len(bad)))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v", what, err)
			}
			return
		}
		out := make([]byte, len(text))
		if _, err := NewReader(bytes.NewReader(bad), parts[0], d).ReadAt(out, 0); err == nil && !bytes.Equal(out, text) {
			t.Errorf("%s: other text is read", what)
		}
	}
	for i := range whole {
		check(fmt.Sprint("cut at ", i), whole[:i])
		bad := bytes.Clone(whole)
		bad[i] ^= 1 << (i % 8)
		check(fmt.Sprint("a bit of byte ", i), bad)
	}
}

// Who has no Wright at hand reads it all the same.
func TestItIsAStreamOfZstd(t *testing.T) {
	zstd, err := exec.LookPath("zstd")
	if err != nil {
		t.Skip("zstd is not here")
	}
	text := bytes.Repeat([]byte("some output\n"), 200_000)
	cmd := exec.CommandContext(t.Context(), zstd, "-dc")
	cmd.Stdin = bytes.NewReader(packed(t, text, []byte("and more\n")))
	got, err := cmd.Output()
	if err != nil || string(got) != string(text)+"and more\n" {
		t.Errorf("zstd prints %d bytes, %v", len(got), err)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add(packed(f, []byte("text\n"), bytes.Repeat([]byte("x"), SegmentSize+1)))
	f.Add(frameIndex(encodeIndex(nil)))
	f.Add(frameIndex([]byte{1, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 1}))
	d, err := NewDecoder()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, whole []byte) {
		for _, b := range [][]byte{whole, frameIndex(whole)} { // the sum of the second is right
			parts, err := Open(bytes.NewReader(b), int64(len(b)))
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			for _, p := range parts {
				_, _ = NewReader(bytes.NewReader(b), p, d).ReadAt(make([]byte, 10), p.Size/2)
			}
		}
	})
}
