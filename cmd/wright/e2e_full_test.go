package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestMasterDiskIsFull: a master whose disk others fill to the last byte says so to
// who asks, lives on with what it knows, loses no build, and goes on by itself when
// there is room. One that is started meanwhile waits.
func TestMasterDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "512m")
	h := wrighttest.New(t)
	h.Data = filepath.Join(disk, "data")
	master := h.Master()
	h.Agent("one", "--slots", "1")
	gate, filler := filepath.Join(h.Dir, "gate"), filepath.Join(disk, "filler")
	h.Manifest("waits", fmt.Sprintf("[[step]]\nname = \"wait\"\nrun = '''%s; seq 1 100000'''\n", untilThere(gate)))
	b := h.Start("waits")
	h.AwaitPhase(b.ID, "step wait")
	queued := h.Start("waits")
	fillDisk(t, filler)
	if r := h.Run("build", "start", "waits"); r.Status != 1 || !strings.Contains(r.Err, "the disk of the master's data is full") {
		t.Errorf("build start: status %d, %s", r.Status, r.Err)
	}
	if r := h.Run("build", "why", queued.ID); !strings.Contains(r.Out+r.Err, "the disk of the master's data is full") {
		t.Errorf("build why: %s%s", r.Out, r.Err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Await("the master to say that it keeps no output", func() bool { return strings.Contains(master.Log(), "keeping output") })
	if now, err := h.Build(b.ID); err != nil || now.State != "running" {
		t.Errorf("the build that cannot be stored is %+v, %v", now, err)
	}
	const told = "nothing is written until there is room"
	before := strings.Count(master.Log(), told)
	master.Kill()
	waiting := h.StartMaster()
	h.Await("the new master to wait for room", func() bool { return strings.Count(waiting.Log(), told) > before })
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{b.ID, queued.ID} {
		if got := h.AwaitState(id, "succeeded"); got.Attempt != 1 {
			t.Errorf("%s took %d attempts", id, got.Attempt)
		}
		if log := h.Log(id); !strings.HasSuffix(log, "\n100000\n") || strings.Count(log, "\n") != 100_000 {
			t.Errorf("the log of %s has %d lines", id, strings.Count(log, "\n"))
		}
	}
	h.AwaitState(h.Start("waits").ID, "succeeded")
}

// TestAgentDiskIsFull: an agent whose disk others fill to the last byte takes no
// builds and says why, even where it is told to keep none free; it takes them again
// when there is room, and none is lost meanwhile.
func TestAgentDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "64m")
	h := wrighttest.New(t)
	h.Master()
	h.Agent("one", "--data", filepath.Join(disk, "data"), "--min-free", "0")
	filler := filepath.Join(disk, "filler")
	h.Manifest("noop", noop)
	h.AwaitState(h.Start("noop").ID, "succeeded")
	fillDisk(t, filler)
	b := h.Start("noop")
	h.Await("build why to tell of the disk", func() bool {
		r := h.Run("build", "why", b.ID)
		return strings.Contains(r.Out, "its disk is nearly full")
	})
	if r := h.Run("agent", "list"); !strings.Contains(r.Out, "its disk is nearly full") {
		t.Errorf("agent list: %s", r.Out)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if got := h.AwaitState(b.ID, "succeeded"); got.Attempt > 2 {
		t.Errorf("%s took %d attempts", b.ID, got.Attempt)
	}
}

// smallDisk is a disk of its own. Who uses it ends first if it comes later.
func smallDisk(t *testing.T, size string) string {
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

// fillDisk takes all room that a disk has.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	for block := bytes.Repeat([]byte{'x'}, 1<<20); err == nil; {
		_, err = f.Write(block)
	}
	if err = errors.Join(f.Close(), ignoreFull(err)); err != nil {
		t.Fatal(err)
	}
}

func ignoreFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return err
}
