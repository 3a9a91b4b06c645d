package build

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// A disk that a step fills is the host's fault, the verdict is told none the
// less, and nothing is left.
func TestFullDisk(t *testing.T) {
	disk := small(t)
	tools, master := tools(t)
	tools.Supervisor = supervisor(t)
	a, err := New(tools, filepath.Join(disk, "shop-000001.1"), work("cat /dev/zero > filled"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, a, master)
	u := master.last()
	if u.GetState() != agentv1.State_STATE_ERRORED || !u.GetHostFault() || u.GetError() != "step step1 failed with exit status 1: the disk of the agent is full" {
		t.Errorf("it says %v", u)
	}
	if full(disk) {
		t.Error("the disk still is full")
	}
}

// A build that succeeded on a disk that others fill meanwhile is not carried out
// again: its end is written down when there is room, and told then.
func TestEndWaitsForRoom(t *testing.T) {
	disk, gate := small(t), filepath.Join(t.TempDir(), "gate")
	tools, master := tools(t)
	tools.Supervisor = supervisor(t)
	said, begun := &saying{}, gate+".begun"
	tools.Log = slog.New(slog.NewTextHandler(said, nil))
	a, err := New(tools, filepath.Join(disk, "shop-000001.1"), work(fmt.Sprintf("touch %s; until [ -e %s ]; do sleep 0.02; done", begun, gate)))
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(disk, "filler")
	filling := make(chan error, 1)
	go func() {
		err := until("the step to begin", func() bool { _, err := os.Stat(begun); return err == nil })
		err = errors.Join(err, fill(filler), fill(filepath.Join(a.dir, journal)), os.WriteFile(gate, nil, 0o600), said.await("waiting for room"))
		filling <- errors.Join(err, os.Remove(filler))
	}()
	run(t, a, master)
	if err := <-filling; err != nil {
		t.Fatal(err)
	}
	if u := master.last(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("it says %v", u)
	}
}

// What a journal takes only half of is taken off again: the next line is whole.
func TestJournalOnAFullDisk(t *testing.T) {
	disk := small(t)
	w := work("true")
	f, err := keep(disk, w)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	filler := filepath.Join(disk, "filler")
	if err := fill(filler); err != nil {
		t.Fatal(err)
	}
	long := record{Version: 1, Error: strings.Repeat("x", 20_000)} // more than what is left of a page
	if err := write(f, entry{Record: &long}); !DiskFull(err) {
		t.Fatalf("on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := write(f, entry{Record: &record{Version: 2}}); err != nil {
		t.Fatal(err)
	}
	got, last, torn, err := recall(disk)
	if err != nil || torn || last == nil || last.Version != 2 || got.GetBuild() != w.GetBuild() {
		t.Errorf("it keeps %v and %+v, torn %v: %v", got, last, torn, err)
	}
}

// small is a disk of 8 MiB.
func small(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// fill takes all room that a disk has, and that a file has in its last page.
func fill(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	for block := bytes.Repeat([]byte{'\n'}, 64<<10); err == nil; {
		_, err = f.Write(block)
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// saying is what was logged.
type saying struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (n *saying) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *saying) await(what string) error {
	return until(what, func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return strings.Contains(n.text.String(), what)
	})
}
