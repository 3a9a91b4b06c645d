package store_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// A disk that others fill is not written to by us to its end: etcd goes on, and so
// do writes when there is room again.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	dir := small(t, "400m")
	disk := store.NewDisk(dir, slog.New(slog.DiscardHandler))
	if err := disk.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, err := store.Embed(t.Context(), filepath.Join(dir, "etcd"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	s := store.New(e.Client, slog.New(slog.DiscardHandler))
	s.LeaveRoom(disk)
	one := &state.Instance{Name: "one"}
	rev, err := s.Commit(t.Context(), one.Put())
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	one.Rev = rev
	if _, err := s.Commit(t.Context(), one.Put()); !errors.Is(err, store.ErrNoRoom) {
		t.Errorf("on a full disk a commit ends with %v", err)
	}
	if _, err := s.Grant(t.Context(), time.Minute); !errors.Is(err, store.ErrNoRoom) {
		t.Errorf("on a full disk a lease is granted: %v", err)
	}
	if err := s.Load(t.Context()); err != nil {
		t.Errorf("on a full disk facts are read: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), one.Put()); err != nil {
		t.Errorf("once there is room: %v", err)
	}
}

// small is a disk of its own.
func small(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// fill takes all room that a disk has.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
