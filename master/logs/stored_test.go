package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// memory is a bucket that two masters share, and that can fail.
type memory struct {
	mu      sync.Mutex // guards all below
	objects map[string][]byte
	down    bool
	puts    int
}

var errDown = errors.New("the bucket is away")

func (m *memory) do(what func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errDown
	}
	return what()
}

func (m *memory) fail(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

func (m *memory) Put(key string, from io.ReaderAt, size int64) error {
	return m.do(func() error {
		m.puts++
		m.objects[key] = make([]byte, size)
		_, err := from.ReadAt(m.objects[key], 0)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return err
	})
}

func (m *memory) Size(key string) (size int64, err error) {
	err = m.do(func() error {
		o, ok := m.objects[key]
		if !ok {
			return fs.ErrNotExist
		}
		size = int64(len(o))
		return nil
	})
	return size, err
}

func (m *memory) ReadAt(key string, to []byte, at int64) error {
	return m.do(func() error {
		o, ok := m.objects[key]
		if !ok {
			return fs.ErrNotExist
		}
		if copy(to, o[at:]) < len(to) {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
}

func (m *memory) List(prefix string, see func(key string, size int64, at time.Time)) error {
	return m.do(func() error {
		for key, o := range m.objects {
			if strings.HasPrefix(key, prefix) {
				see(key, int64(len(o)), time.Now())
			}
		}
		return nil
	})
}

func (m *memory) Directories(prefix string) (all []string, err error) {
	err = m.List(prefix, func(key string, _ int64, _ time.Time) {
		if name, _, dir := strings.Cut(strings.TrimPrefix(key, prefix), "/"); dir {
			all = append(all, name)
		}
	})
	slices.Sort(all)
	return slices.Compact(all), err
}

func (m *memory) Remove(prefix string) error {
	return m.do(func() error {
		for key := range m.objects {
			if strings.HasPrefix(key, prefix) {
				delete(m.objects, key)
			}
		}
		return nil
	})
}

// sharing is a master's output that is kept in a bucket.
func sharing(t testing.TB, dir string, b Bucket) *Logs {
	t.Helper()
	l := openLogs(t, dir)
	l.Use(b)
	return l
}

func newMemory() *memory { return &memory{objects: map[string][]byte{}} }

// What one master has finished, any other serves: as it was, by line, with what was
// attached to it; and what one removes is gone for good for the others.
func TestAnotherMasterReads(t *testing.T) {
	for _, size := range []int{3, 60_000} { // as it is on disk, and packed
		b := newMemory()
		one, two := sharing(t, t.TempDir(), b), sharing(t, t.TempDir(), b)
		data := many(size)
		if err := one.Attach("shop", packed1.Build, "tests.json", []byte("{}\n")); err != nil {
			t.Fatal(err)
		}
		write(t, one, packed1, data, []byte("and more\n"))
		if err := one.settle(t.Context(), packed1); err != nil {
			t.Fatal(err)
		}
		if one.Standing(packed1) != Kept {
			t.Error("it is not stored")
		}
		// The other had begun it before.
		if _, err := two.Append(packed1, 1, "step", 0, data[:10], false); err != nil {
			t.Fatal(err)
		}
		if err := two.Fetch(packed1); err != nil {
			t.Fatal(err)
		}
		if text(t, two, packed1) != string(data)+"and more\n" {
			t.Error("another master reads otherwise")
		}
		from, to, err := two.Lines(t.Context(), packed1, nil, 2, 2)
		if want := "line 2: 1eef\n"; err != nil || string(data[from:to]) != want {
			t.Errorf("line 2 is [%d,%d), %v", from, to, err)
		}
		three := sharing(t, t.TempDir(), b)
		if got, err := three.Attempts("shop", packed1.Build); err != nil || !slices.Equal(got, []int{1}) {
			t.Errorf("attempts %v, %v", got, err)
		}
		if got, err := three.Attached("shop", packed1.Build, "tests.json"); err != nil || string(got) != "{}\n" {
			t.Errorf("attached is %q, %v", got, err)
		}
		every := three.Everywhere()
		instances, _ := every.Instances()
		builds, err := every.Builds("shop")
		if err != nil || !slices.Equal(instances, []string{"shop"}) || !slices.Equal(builds, []string{packed1.Build}) {
			t.Errorf("everywhere are %v %v, %v", instances, builds, err)
		}
		if n, err := every.Size("shop", packed1.Build); err != nil || n == 0 {
			t.Errorf("%d bytes, %v", n, err)
		}
		if err := every.Expire("shop", packed1.Build); err != nil {
			t.Fatal(err)
		}
		four := sharing(t, t.TempDir(), b)
		if err := four.Fetch(packed1); err != nil || !four.Expired("shop", packed1.Build) {
			t.Errorf("another master does not know that it is expired, %v", err)
		}
		// One that has read it before learns it when it reads again.
		if err := two.Copy(t.Context(), packed1, nil, nil, func(Part, []byte) error { return nil }); !errors.Is(err, ErrRemoved) {
			t.Errorf("what is removed is read: %v", err)
		}
		if err := two.Remove("shop", packed1.Build); err != nil { // what it had begun
			t.Fatal(err)
		}
		if err := two.Fetch(packed1); err != nil || !two.Expired("shop", packed1.Build) {
			t.Errorf("who has read it does not know that it is expired, %v", err)
		}
		outlived, err := one.Everywhere().Outlived("shop")
		if err != nil || !slices.Equal(outlived, []string{packed1.Build}) {
			t.Errorf("copies of %v are left, %v", outlived, err)
		}
		if left, _ := every.Builds("shop"); len(left) > 0 {
			t.Errorf("left in the bucket: %v", left)
		}
	}
}

// Another bucket, or one that somebody has emptied, takes no copy away; nor does what
// is not stored count as one.
func TestCopiesStay(t *testing.T) {
	dir := t.TempDir()
	one := sharing(t, dir, newMemory())
	write(t, one, packed1, many(3))
	next := packed1
	next.Attempt = 2
	write(t, one, next, many(3))
	if err := one.settle(t.Context(), packed1); err != nil {
		t.Fatal(err)
	}
	empty := newMemory()
	if got, err := sharing(t, dir, empty).Everywhere().Outlived("shop"); err != nil || len(got) > 0 {
		t.Errorf("with another bucket %v count as outlived, %v", got, err)
	}
	empty.objects[expiredKey("shop")] = []byte("5")
	if got, err := sharing(t, dir, empty).Everywhere().Outlived("shop"); err != nil || len(got) > 0 {
		t.Errorf("what is not stored counts as a copy: %v, %v", got, err)
	}
}

// While the bucket is away nothing counts as stored, and nothing is lost; once it is
// back, all is stored without anybody asking.
func TestTheBucketIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newMemory()
		b.fail(true)
		l := sharing(t, t.TempDir(), b)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = l.Run(ctx, slog.New(slog.DiscardHandler)) })
		const builds = 40
		name := func(n int) Attempt {
			return Attempt{Instance: "shop", Build: fmt.Sprintf("shop-%06d", n+1), Attempt: 1}
		}
		for n := range builds {
			write(t, l, name(n), many(5))
		}
		<-time.After(10 * time.Minute)
		for n := range builds {
			if l.Standing(name(n)) == Kept {
				t.Fatalf("build %d counts as stored", n)
			}
		}
		b.fail(false)
		<-time.After(2 * maxAgain)
		for n := range builds {
			if l.Standing(name(n)) != Kept {
				t.Errorf("build %d is not stored", n)
			}
		}
		select {
		case <-l.Settled():
		default:
			t.Error("nobody was told")
		}
		if b.puts != builds {
			t.Errorf("%d objects were put for %d builds", b.puts, builds)
		}
		stop()
		running.Wait()
	})
}

// A master that dies before it has stored what is finished does so when it is
// back, and not again after that.
func TestDiedBeforeStoring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, dir := newMemory(), t.TempDir()
		write(t, sharing(t, dir, b), packed1, many(5))
		for range 2 {
			l := sharing(t, dir, b)
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = l.Run(ctx, slog.New(slog.DiscardHandler)) })
			synctest.Wait()
			if l.Standing(packed1) != Kept || b.puts != 1 {
				t.Errorf("standing %v, put %d times", l.Standing(packed1), b.puts)
			}
			stop()
			running.Wait()
		}
	})
}

func TestWhatTheBucketHasIsDamaged(t *testing.T) {
	b := newMemory()
	one := sharing(t, t.TempDir(), b)
	if err := one.Attach("shop", packed1.Build, "tests.json", []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	write(t, one, packed1, many(50_000))
	if err := one.settle(t.Context(), packed1); err != nil {
		t.Fatal(err)
	}
	for key, whole := range b.objects {
		b.objects[key] = whole[:len(whole)-1]
	}
	two := sharing(t, t.TempDir(), b)
	if err := two.Fetch(packed1); err == nil {
		t.Error("output that is cut off is read")
	}
	if got, err := two.Attached("shop", packed1.Build, "tests.json"); err == nil {
		t.Errorf("attached is %q", got)
	}
	for key, cut := range b.objects {
		b.objects[key] = bytes.Repeat([]byte("x"), len(cut))
	}
	if err := two.Fetch(packed1); err == nil {
		t.Error("something else is read")
	}
}

// What nobody has is not taken for stored, nor what another master has for lost.
func TestNobodyHasIt(t *testing.T) {
	b := newMemory()
	one, two := sharing(t, t.TempDir(), b), sharing(t, t.TempDir(), b)
	if _, err := one.Append(packed1, 1, "step", 0, []byte("begun, and lost"), false); err != nil {
		t.Fatal(err)
	}
	look := func(l *Logs, want Standing) {
		t.Helper()
		if got := l.Standing(packed1); got != Coming {
			t.Errorf("before it was looked for it stands at %d", got)
		}
		if err := l.settle(t.Context(), packed1); err != nil {
			t.Fatal(err)
		}
		if got := l.Standing(packed1); got != want {
			t.Errorf("it stands at %d, and not at %d", got, want)
		}
	}
	look(two, Nowhere)
	write(t, two, packed1, []byte("said again"))
	look(two, Kept)
	look(one, Kept)
	if text(t, one, packed1) != "said again" {
		t.Error("what was begun counts more than what was finished")
	}
	alone := openLogs(t, t.TempDir())
	if got := alone.Standing(packed1); got != Nowhere {
		t.Errorf("without a bucket it stands at %d", got)
	}
	write(t, alone, packed1, []byte("said"))
	if got := alone.Standing(packed1); got != Kept {
		t.Errorf("without a bucket, finished, it stands at %d", got)
	}
}

// A copy that is lost or damaged is read from the bucket, also by who knew it before.
func TestCopiesAreLost(t *testing.T) {
	dir := t.TempDir()
	b := newMemory()
	l := sharing(t, dir, b)
	data := many(5000)
	write(t, l, packed1, data)
	if err := l.settle(t.Context(), packed1); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "shop", packed1.Build, "1")
	if err := os.WriteFile(filepath.Join(path, packFile), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := sharing(t, dir, b)
	if err := other.Fetch(packed1); err != nil || text(t, other, packed1) != string(data) {
		t.Errorf("where the copy is damaged it reads otherwise, %v", err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Fetch(packed1); err != nil || text(t, l, packed1) != string(data) {
		t.Errorf("where the copy is lost it reads otherwise, %v", err)
	}
}

// Silent builds are stored at once: there is nothing to store.
func TestSilentIsStored(t *testing.T) {
	l := sharing(t, t.TempDir(), newMemory())
	if err := l.Finish(packed1); err != nil || l.Standing(packed1) != Kept {
		t.Errorf("it is not stored, %v", err)
	}
}
