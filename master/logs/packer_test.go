package logs

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var packed1 = Attempt{Instance: "shop", Build: "shop-000001", Attempt: 1}

// many is output of so many lines, no two alike.
func many(lines int) []byte {
	var b bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&b, "line %d: %x\n", i+1, i*7919)
	}
	return b.Bytes()
}

func openLogs(t testing.TB, dir string) *Logs {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func write(t testing.TB, l *Logs, a Attempt, parts ...[]byte) {
	t.Helper()
	for i, data := range parts {
		if _, err := l.Append(a, i+1, fmt.Sprint("step ", i), 0, data, i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Finish(a); err != nil {
		t.Fatal(err)
	}
}

func text(t testing.TB, l *Logs, a Attempt) string {
	t.Helper()
	var b bytes.Buffer
	if err := l.Copy(t.Context(), a, nil, nil, func(_ Part, data []byte) error { b.Write(data); return nil }); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func names(t testing.TB, l *Logs, a Attempt) (all []string) {
	t.Helper()
	dir, _ := l.attemptDir(a)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// What is packed reads as before: for who comes after it, for who is in the
// middle, and after a restart; and it is as old as it was.
func TestPackedReadsAsBefore(t *testing.T) {
	dir := t.TempDir()
	l := openLogs(t, dir)
	one, two := many(60_000), many(10_000)
	write(t, l, packed1, one, two)
	middle, err := l.Reader(packed1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = middle.Close() }()
	half := make([]byte, len(one)/2)
	if _, err := io.ReadFull(middle, half); err != nil {
		t.Fatal(err)
	}
	before, _ := l.Parts(packed1)
	year := time.Now().Add(-365 * 24 * time.Hour)
	for _, name := range names(t, l, packed1) {
		if err := os.Chtimes(filepath.Join(dir, "shop", packed1.Build, "1", name), year, year); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.settle(t.Context(), packed1); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(names(t, l, packed1)); got != "[finished packed.zst]" {
		t.Errorf("on disk: %v", got)
	}
	rest, err := io.ReadAll(middle)
	if err != nil || !bytes.Equal(append(half, rest...), one) {
		t.Errorf("who was in the middle read %d bytes of %d, %v", len(half)+len(rest), len(one), err)
	}
	for _, l := range []*Logs{l, openLogs(t, dir)} {
		if text(t, l, packed1) != string(one)+string(two) {
			t.Error("it reads otherwise")
		}
		if after, err := l.Parts(packed1); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("parts %v, %v; before: %v", after, err, before)
		}
		if at, err := l.Written("shop", packed1.Build); err != nil || time.Since(at) < 300*24*time.Hour {
			t.Errorf("written at %s, %v", at, err)
		}
		if size, err := l.Size("shop", packed1.Build); err != nil || size > int64(len(one))*2/3 {
			t.Errorf("it takes %d bytes of %d, %v", size, len(one), err)
		}
		if _, err := l.Append(packed1, 1, "step", int64(len(one)), []byte("more"), false); err == nil {
			t.Error("it takes more")
		}
	}
}

// Wherever the process dies, what is there is whole, and the next one packs it.
func TestDiedWhilePacking(t *testing.T) {
	for name, leave := range map[string]func(dir string) error{
		"before it began":            func(string) error { return nil },
		"in the middle":              func(dir string) error { return os.WriteFile(filepath.Join(dir, newPack), []byte("half"), 0o600) },
		"before the old was removed": func(dir string) error { return packAside(dir) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			data := many(10_000)
			l := openLogs(t, dir)
			write(t, l, packed1, data)
			place, _ := l.attemptDir(packed1)
			if err := leave(place); err != nil {
				t.Fatal(err)
			}
			l = openLogs(t, dir)
			if text(t, l, packed1) != string(data) {
				t.Error("it is not whole")
			}
			if err := l.scan(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(names(t, l, packed1)); got != "[finished packed.zst]" {
				t.Errorf("on disk: %v", got)
			}
			if text(t, l, packed1) != string(data) {
				t.Error("it is not whole after the next one")
			}
		})
	}
}

// packAside packs what is in dir, and leaves that there too.
func packAside(dir string) error {
	t := &attempt{dir: dir, files: newFiles(1), decoder: newDecoder(), writers: new(sync.Pool)}
	parts, err := t.packable()
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, packFile))
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = t.writePack(file, parts, func() error { return nil })
	return err
}

func TestSmallOutputIsNotPacked(t *testing.T) {
	l := openLogs(t, t.TempDir())
	write(t, l, packed1, []byte("a line\n"))
	if err := l.scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(names(t, l, packed1), " "); strings.Contains(got, packFile) {
		t.Errorf("on disk: %v", got)
	}
}

// A pack that is damaged is an error for who reads it, and never other text.
func TestDamagedPack(t *testing.T) {
	dir := t.TempDir()
	l := openLogs(t, dir)
	write(t, l, packed1, many(50_000))
	if err := l.settle(t.Context(), packed1); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "shop", packed1.Build, "1", packFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(whole)
	bad[len(bad)/3] ^= 0x40
	for name, now := range map[string][]byte{"cut off": whole[:len(whole)-1], "one bit": bad} {
		if err := os.WriteFile(path, now, 0o600); err != nil {
			t.Fatal(err)
		}
		err := openLogs(t, dir).Copy(t.Context(), packed1, nil, nil, func(Part, []byte) error { return nil })
		if err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
}

// Lines are those that a person would count in all of the output.
func TestLinesAreThoseOfSed(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			rt.Fatal(err)
		}
		l, err := Open(dir)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		var all []byte
		for part := range rapid.IntRange(1, 3).Draw(rt, "parts") {
			line := strings.Repeat(rapid.SampledFrom([]string{"x", "y\n", "\n", "long "}).Draw(rt, "piece"), rapid.SampledFrom([]int{1, 3, 5000, 60_000}).Draw(rt, "times"))
			line += rapid.SampledFrom([]string{"", "\n", "end"}).Draw(rt, "end")
			if _, err := l.Append(packed1, part, "step", 0, []byte(line), true); err != nil {
				rt.Fatal(err)
			}
			all = append(all, line...)
		}
		if rapid.IntRange(0, 2).Draw(rt, "finish") == 0 {
			if err := l.Finish(packed1); err != nil {
				rt.Fatal(err)
			}
			if err := l.settle(t.Context(), packed1); err != nil {
				rt.Fatal(err)
			}
		}
		lines := bytes.SplitAfter(all, []byte("\n"))
		if len(lines[len(lines)-1]) == 0 {
			lines = lines[:len(lines)-1]
		}
		count := int64(len(lines))
		first := rapid.Int64Range(1, count+2).Draw(rt, "first")
		last := rapid.Int64Range(0, count+2).Draw(rt, "last")
		from, to, err := l.Lines(t.Context(), packed1, nil, first, last)
		until := count
		if last > 0 {
			until = min(last, count)
		}
		var want []byte
		if first <= until {
			want = bytes.Join(lines[first-1:until], nil)
		}
		if err != nil || !bytes.Equal(all[from:to], want) {
			rt.Fatalf("lines %d to %d are [%d,%d) of %d, %v; want %d bytes", first, last, from, to, len(all), err, len(want))
		}
		tail := rapid.Int64Range(0, count+2).Draw(rt, "tail")
		from, err = l.LastLines(t.Context(), packed1, nil, tail)
		if want := bytes.Join(lines[max(0, count-tail):], nil); err != nil || !bytes.Equal(all[from:], want) {
			rt.Fatalf("the last %d lines begin at %d of %d, %v; want %d bytes", tail, from, len(all), err, len(want))
		}
	})
}
