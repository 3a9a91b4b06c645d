package onhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// TestMain lets the test binary be a daemon: the text of its record says which.
func TestMain(m *testing.M) {
	if dir, daemon := Dir(os.Args); daemon {
		behave(dir)
		return
	}
	os.Exit(m.Run())
}

func behave(dir string) {
	what, _ := Read[string](dir)
	starter := NewStarter()
	switch what {
	case "refuses":
		starter.Say(errors.New("no room"))
	case "ends":
	case "complains":
		fmt.Fprintln(os.Stderr, "one line\nno such image")
	case "overtaken": // dies when another has the lock
		lock, _, err := TryLock(filepath.Join(dir, LockFile))
		if err != nil {
			starter.Say(err)
			return
		}
		other := exec.Command("sh", "-c", "while [ -e "+RecordFile+" ]; do sleep 0.01; done")
		other.ExtraFiles = []*os.File{lock}
		if err := other.Start(); err != nil {
			starter.Say(err)
		}
	case "hangs":
		select {}
	case "runs":
		lock, _, err := TryLock(filepath.Join(dir, LockFile))
		if err != nil || lock == nil {
			starter.Say(err)
			return
		}
		_ = WriteState(dir, cloud.Running)
		starter.Say(nil)
		for _, err := os.Stat(filepath.Join(dir, RecordFile)); err == nil; _, err = os.Stat(filepath.Join(dir, RecordFile)) {
			<-time.After(5 * time.Millisecond) // until the test takes it away
		}
		_ = lock.Close()
	}
}

func server(t *testing.T, what string) Daemon {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, what); err != nil {
		t.Fatal(err)
	}
	return Daemon{Name: "test", Dir: dir, Limit: time.Minute}
}

func TestDaemon(t *testing.T) {
	d := server(t, "runs")
	if got := State(d.Dir); got != cloud.Failed {
		t.Errorf("before it is started it is %s", got)
	}
	var children sync.WaitGroup
	for range 2 { // the second finds it running
		if err := d.Ensure(t.Context(), &children); err != nil {
			t.Fatal(err)
		}
	}
	if got := State(d.Dir); got != cloud.Running {
		t.Errorf("it is %s", got)
	}
	if err := os.Remove(filepath.Join(d.Dir, RecordFile)); err != nil {
		t.Fatal(err)
	}
	children.Wait()
	if got := State(d.Dir); got != cloud.Failed {
		t.Errorf("after its end it is %s", got)
	}
}

// TestDaemonIsOvertaken: of two that are started at once one ends the other, and
// who waits for that one has a server all the same.
func TestDaemonIsOvertaken(t *testing.T) {
	d := server(t, "overtaken")
	var children sync.WaitGroup
	if err := d.Ensure(t.Context(), &children); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(d.Dir, RecordFile)); err != nil {
		t.Error(err)
	}
	children.Wait()
}

func TestDaemonThatDoesNotGetReady(t *testing.T) {
	for what, want := range map[string]string{"refuses": "no room", "ends": "ended at once, without a word", "complains": "ended at once: no such image"} {
		var children sync.WaitGroup
		if err := server(t, what).Ensure(t.Context(), &children); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", what, err)
		}
		children.Wait()
	}
	slow := server(t, "hangs")
	slow.Limit = 50 * time.Millisecond
	var children sync.WaitGroup
	if err := slow.Ensure(t.Context(), &children); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("one that is too slow: %v", err)
	}
	children.Wait() // it was killed
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server(t, "ends").Ensure(ctx, &children); !errors.Is(err, context.Canceled) && plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("when nobody waits any more: %v", err)
	}
	children.Wait()
}

func TestRecords(t *testing.T) {
	servers := t.TempDir()
	if _, err := Read[string](filepath.Join(servers, IDOf("t"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no server: %v", err)
	}
	for _, name := range []string{IDOf("t"), IDOf("../u"), ".new-" + IDOf("v")} {
		dir := filepath.Join(servers, name)
		if err := errors.Join(os.Mkdir(dir, 0o700), Write(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := ReadAll[string](servers)
	if err != nil || len(all) != 2 || all[IDOf("../u")] != IDOf("../u") {
		t.Errorf("got %v, %v", all, err)
	}
}

func TestRotating(t *testing.T) {
	const most = 1000
	path := filepath.Join(t.TempDir(), "log")
	r, err := OpenRotating(path, most)
	if err != nil {
		t.Fatal(err)
	}
	chunk := []byte("0123456789abcde\n")
	for range 3 * most / len(chunk) {
		if n, err := r.Write(chunk); n != len(chunk) || err != nil {
			t.Fatal(n, err)
		}
	}
	for _, p := range []string{path, path + ".1"} {
		info, err := os.Stat(p)
		if err != nil || info.Size() > most {
			t.Errorf("%s: %v, %v", p, info, err)
		}
	}
	got, err := LastOutput(path, most)
	if want := bytes.Repeat(chunk, most/len(chunk)+1); err != nil || !bytes.Equal(got, want[len(want)-most:]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	again, err := OpenRotating(path, most)
	if err != nil || again.size != r.size {
		t.Errorf("a later one does not go on where this one stopped: %v", err)
	}
}

func TestAddressesAreReserved(t *testing.T) {
	first, err := PickAddress(nil, 1)
	if err != nil {
		t.Skipf("port 1 cannot be tried here: %v", err)
	}
	reserved, err := Reserve(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Reserve(first); err == nil {
		t.Error("it was reserved twice")
	}
	if err := probe(first, nil); err == nil {
		t.Error("it is taken for free")
	}
	_ = reserved.Close()
	if err := probe(first, nil); err != nil {
		t.Errorf("it stays reserved: %v", err)
	}
}
