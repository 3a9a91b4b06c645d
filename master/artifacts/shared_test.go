package artifacts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is a bucket that several masters share.
type memory struct {
	mu      sync.Mutex // guards all below
	objects map[string][]byte
	down    error
}

func (m *memory) Put(key string, from io.ReaderAt, size int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return m.down
	}
	text := make([]byte, size)
	if _, err := from.ReadAt(text, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	m.objects[key] = text
	return nil
}

func (m *memory) ReadAt(key string, to []byte, at int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok := m.objects[key]
	if !ok {
		return fs.ErrNotExist
	}
	if copy(to, text[at:]) < len(to) {
		return io.ErrUnexpectedEOF
	}
	return m.down
}

func (m *memory) List(prefix string, see func(key string, size int64, at time.Time)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := []string{}
	for key := range m.objects {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		see(key, int64(len(m.objects[key])), time.Time{})
	}
	return m.down
}

func (m *memory) Remove(prefix string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.objects {
		if strings.HasPrefix(key, prefix) {
			delete(m.objects, key)
		}
	}
	return m.down
}

func (m *memory) master(t *testing.T) *Store {
	s := Open(t.TempDir())
	s.Use(m)
	return s
}

// What any master has kept, any other has, in whatever hands the build was meanwhile.
func TestAnotherMasterHasThem(t *testing.T) {
	m := &memory{objects: map[string][]byte{}}
	one, two, three := m.master(t), m.master(t), m.master(t)
	want := map[string]string{}
	for n := range 3*perPage + 1 {
		path, text := fmt.Sprintf("dist/%03d", n), fmt.Sprint("text ", n%7)
		keep(t, []*Store{one, two}[n%2], first, path, text)
		want[path] = text
	}
	keep(t, two, first, "dist/000", "anew")
	want["dist/000"] = "anew"
	all, err := three.List(first)
	if err != nil || len(all) != len(want) {
		t.Fatalf("%d are listed of %d, %v", len(all), len(want), err)
	}
	for _, f := range all {
		from, _, err := three.Open(first, f.Path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(from)
		if err != nil || string(text) != want[f.Path] {
			t.Errorf("%s is %q, %v; want %q", f.Path, text, err, want[f.Path])
		}
		_ = from.Close()
	}
	if n, err := three.Size("shop", first.Build); err != nil || n == 0 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if err := three.Remove("shop", first.Build); err != nil || len(m.objects) > 0 {
		t.Errorf("%d objects are left, %v", len(m.objects), err)
	}
}

func TestABucketThatIsNotToBeTrusted(t *testing.T) {
	m := &memory{objects: map[string][]byte{}}
	one, two := m.master(t), m.master(t)
	keep(t, one, first, "a", "right")
	for key := range m.objects {
		if strings.Contains(key, "/files/") {
			m.objects[key] = []byte("wrong")
		}
	}
	if f, _, err := two.Open(first, "a"); err == nil {
		_ = f.Close()
		t.Error("another text is handed out")
	}
	for key := range m.objects {
		if strings.Contains(key, "/index/") {
			m.objects[key] = bytes.Replace(m.objects[key], []byte(`"a"`), []byte(`"../../a"`), 1)
		}
	}
	if all, err := two.List(first); err != nil || len(all) > 0 {
		t.Errorf("listed %v, %v", all, err)
	}
	m.down = errors.New("away")
	if err := one.Keep(first, announced("b", "b"), strings.NewReader("b")); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("kept though the bucket is away: %v", err)
	}
	if all, err := one.List(first); err != nil || len(all) != 2 {
		t.Errorf("while the bucket is away %v, %v are listed", all, err)
	}
	if _, err := two.List(first); err == nil {
		t.Error("nothing is listed, without an error")
	}
}
