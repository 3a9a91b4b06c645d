package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/build"
	"github.com/wright-build/wright/agent/room"
	"github.com/wright-build/wright/agent/workspace/gittest"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// An agent whose disk is nearly full says so, and makes room first.
func TestDiskIsNearlyFull(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	m.session()
	if err := w.halt(); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(w.cfg.Data, "cache", "some.git")
	if err := os.MkdirAll(stale, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(stale, "HEAD"), filepath.Join(w.cfg.Data, "cache", "some.lock")} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.cfg.MinFree, w.cfg.CacheBytes = room.Mark{Share: 1}, 1<<40 // no disk is that empty
	w.start()
	s := m.session()
	if why := s.hello.GetClosed(); !strings.HasPrefix(why, "its disk is nearly full: ") || !strings.HasSuffix(why, " free") {
		t.Errorf("it says %q", why)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("the cache is left")
	}
	if again := s.next("what it offers").GetHello(); again.GetClosed() == "" || again.GetName() != "one" {
		t.Errorf("it says %v", again)
	}
	s.work(work("shop-000001", "true")) // that was under way already
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("it ends with %v", u)
	}
	w.cfg.MinFree = room.Mark{}
	w.restart()
	if s := m.session(); s.hello.GetClosed() != "" {
		t.Errorf("it says %q", s.hello.GetClosed())
	}
}

// Work that a full disk has no room for is given back, and no more is taken, also
// where none need be kept free.
func TestWorkOnAFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	m := newMaster(t)
	w := newWorker(t, m)
	m.session()
	if err := w.halt(); err != nil {
		t.Fatal(err)
	}
	w.cfg.Data, w.cfg.MinFree = filepath.Join(disk, "data"), room.Mark{}
	w.start()
	s := m.session()
	s.work(work("shop-000000", "true")) // its end says that the agent has noted whose it is
	s.untilFinal()
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 16<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	s.work(work("shop-000001", strings.Repeat("true;", 2000))) // more than the last page takes
	if h := s.next("that it is closed").GetHello(); !strings.HasPrefix(h.GetClosed(), "its disk is nearly full: ") {
		t.Errorf("it says %v", h)
	}
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_ERRORED || !u.GetHostFault() || u.GetBuild() != "shop-000001" || u.GetVersion() < 1 {
		t.Errorf("it ends with %v", u)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.work(work("shop-000002", "true"))
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("it ends with %v", u)
	}
}

// Room that was made is seen.
func TestDiskHasRoomAgain(t *testing.T) {
	m := newMaster(t)
	cfg := Config{Address: "http://" + m.address, Data: t.TempDir(), Plugins: []string{t.TempDir()}}
	if err := cfg.complete(); err != nil {
		t.Fatal(err)
	}
	a := agentOn(t, cfg)
	for _, full := range []bool{false, true, true, false} {
		a.cfg.MinFree = room.Mark{}
		if full {
			a.cfg.MinFree = room.Mark{Share: 1}
		}
		a.watchRoom()
		if got := a.closedBy() != ""; got != full {
			t.Fatalf("closed %v, want %v", got, full)
		}
	}
	if _, said := a.link.take(); len(said) != 2 {
		t.Errorf("it said %v", said)
	}
}

// What could not be removed is removed later; what an attempt holds stays.
func TestTidy(t *testing.T) {
	m := newMaster(t)
	cfg := Config{Address: "http://" + m.address, Data: t.TempDir(), Plugins: []string{t.TempDir()}}
	if err := cfg.complete(); err != nil {
		t.Fatal(err)
	}
	a := agentOn(t, cfg)
	a.attempts[key{"held-000001", 1}] = nil
	old := time.Now().Add(-2 * leftAge)
	for _, name := range []string{"held-000001.1", "left-000001.1", "new-000001.1"} {
		dir := filepath.Join(cfg.Data, "builds", name)
		if err := os.MkdirAll(filepath.Join(dir, "ro"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "ro", "x"), nil, 0o400); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, "ro"), 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "ro"), 0o700) })
		if name == "new-000001.1" {
			continue
		}
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	a.tidy(time.Now())
	left, _ := filepath.Glob(filepath.Join(cfg.Data, "builds", "*"))
	if len(left) != 2 || filepath.Base(left[0]) != "held-000001.1" || filepath.Base(left[1]) != "new-000001.1" {
		t.Errorf("left are %v", left)
	}
}

// Nothing is left of a build but what was asked for: no temporary file, no
// directory that cannot be written to, no process.
func TestNothingIsLeft(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	g := newGate(t)
	s.work(work("shop-000001",
		"mktemp; mktemp -d; echo x > $TMPDIR/left; mkdir -p ro/sub $TMPDIR/ro; echo x > ro/sub/x; chmod -R a-w ro $TMPDIR/ro; "+
			"case $TMPDIR in "+w.cfg.Data+"/*) ;; *) exit 1;; esac; echo $TMPDIR > "+g.dir+"/tmp; "+g.hide()+"true",
		"test -e $TMPDIR/left; rm -rf $TMPDIR/left; chmod -R u+w $TMPDIR; rm -r $TMPDIR",
		"mktemp"))
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("it ends with %v", u)
	}
	hidden := g.hidden(t)
	waitFor(t, "all to be gone", func() bool { return len(w.builds()) == 0 && !alive(hidden) })
	tmp, err := os.ReadFile(filepath.Join(g.dir, "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(tmp))); err == nil {
		t.Errorf("%s is left", tmp)
	}
	waitFor(t, "the spare directories to be gone", func() bool {
		_, err := os.Stat(filepath.Join(w.cfg.Data, "spare"))
		return err != nil
	})
}

// The second build of the same sources fetches them through the cache.
func TestBuildsShareWhatWasFetched(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", map[string]string{"a": "1"})
	m := newMaster(t)
	w := newWorker(t, m)
	m.session()
	w.cfg.CacheBytes = 1 << 30
	w.restart()
	s := m.session()
	for i, name := range []string{"shop-000001", "shop-000002"} {
		b := work(name, "cat a; test ! -e .git/objects/info/alternates")
		b.Source = &agentv1.Source{Vcs: "git", Url: origin.URL(), Branch: "main"}
		last := origin.Commit("more", map[string]string{"a": name})
		s.work(b)
		if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED || u.GetRevisions()[origin.URL()] != last {
			t.Errorf("build %d: %v", i, u)
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(w.cfg.Data, "cache", "*.git")); len(kept) != 1 {
		t.Errorf("kept is %v", kept)
	}
	w.cfg.CacheBytes = 1 // what is larger goes when the agent begins
	w.restart()
	m.session()
	waitFor(t, "the cache to be swept", func() bool {
		kept, _ := filepath.Glob(filepath.Join(w.cfg.Data, "cache", "*"))
		return len(kept) == 0
	})
}

// agentOn is an agent that does nothing by itself.
func agentOn(t *testing.T, cfg Config) *Agent {
	t.Helper()
	spares, err := build.NewSpares(filepath.Join(cfg.Data, "spare"))
	if err != nil {
		t.Fatal(err)
	}
	keepers, err := newKeepers(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keepers.close)
	l, err := newLink(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return &Agent{cfg: cfg, spares: spares, keeper: keepers, link: l, attempts: map[key]*build.Attempt{}}
}
