package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

func TestRunSeesItsServerAndNothingElse(t *testing.T) {
	t.Setenv("SECRET_OF_THE_AGENT", "hidden")
	t.Setenv("WRIGHT_PLUGIN_SECRET", "hidden")
	p := open(t, t.TempDir())
	s := create(t, p, "app", map[string]any{"port": 8123})
	if s.State != cloud.Starting || s.Port != 8123 || !inRange(s.Address) {
		t.Errorf("create gave %+v", s)
	}
	install(t, s, `env > env.new; pwd > pwd; echo out; echo err >&2; mv env.new env; exec sleep 1000`)
	stateIs(t, p, "app", cloud.Running)
	eventually(t, "its environment", func() bool { _, err := os.Stat(filepath.Join(rootOf(s), "env")); return err == nil })
	env := "\n" + read(t, filepath.Join(rootOf(s), "env"))
	for _, want := range []string{
		"HOME=" + rootOf(s), "GREETING=two\nlines", "WRIGHT_APPSERVER_PORT=8123",
		"WRIGHT_APPSERVER_ADDRESS=" + s.Address, "WRIGHT_APPSERVER_DIR=" + rootOf(s),
	} {
		if !strings.Contains(env, "\n"+want+"\n") {
			t.Errorf("its environment lacks %q", want)
		}
	}
	for _, no := range []string{"SECRET", "WRIGHT_PLUGIN", "GOGC", "GOMAXPROCS"} {
		if strings.Contains(env, no) {
			t.Errorf("its environment holds %s:\n%s", no, env)
		}
	}
	if got := strings.TrimSpace(read(t, filepath.Join(rootOf(s), "pwd"))); got != rootOf(s) {
		t.Errorf("it runs in %s", got)
	}
	eventually(t, "its output", func() bool { return read(t, filepath.Join(dirOf(s), logFile)) == "out\nerr\n" })
}

func TestRunIsStartedAgain(t *testing.T) {
	p := open(t, t.TempDir())
	s := create(t, p, "app", nil)
	install(t, s, `echo x >> runs; sleep 1000 & exit 7`)
	eventually(t, "three runs", func() bool {
		b, _ := os.ReadFile(filepath.Join(rootOf(s), "runs"))
		return len(b) >= 6
	})
	if log := read(t, filepath.Join(dirOf(s), logFile)); !strings.Contains(log, "run ended: exit status 7") {
		t.Errorf("log: %s", log)
	}
	install(t, s, "echo x > last; exec sleep 1000")
	stateIs(t, p, "app", cloud.Running)
	eventually(t, "nothing but the last run", func() bool {
		_, err := os.Stat(filepath.Join(rootOf(s), "last"))
		return err == nil && len(marked(dirOf(s))) == 1
	})
}

func TestRunMustBeWhole(t *testing.T) {
	p := open(t, t.TempDir())
	s := create(t, p, "app", nil)
	f, err := os.OpenFile(filepath.Join(rootOf(s), runFile), os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("#!/bin/sh\n"); err != nil {
		t.Fatal(err)
	}
	// A second server proves that the daemons had the time to look.
	other := create(t, p, "other", nil)
	install(t, other, "exec sleep 1000")
	stateIs(t, p, "other", cloud.Running)
	if _, err := f.WriteString("echo whole > proof; exec sleep 1000\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the whole script", func() bool {
		b, _ := os.ReadFile(filepath.Join(rootOf(s), "proof"))
		return string(b) == "whole\n"
	})
}

func TestDeleteEndsTheWholeTree(t *testing.T) {
	p := open(t, t.TempDir())
	s := create(t, p, "app", map[string]any{"stop-timeout": "300ms"})
	install(t, s, `
trap 'echo obeyed > ../obeyed; exit 0' TERM
(setsid sh -c 'trap "" TERM; echo $$ > stubborn; (setsid env -i sleep 1001 & echo $! > orphan); while :; do sleep 1; done' &)
while :; do sleep 0.01; done`)
	stubborn := number(t, filepath.Join(rootOf(s), "stubborn"))
	orphan := number(t, filepath.Join(rootOf(s), "orphan"))
	machine := readPID(filepath.Join(dirOf(s), onhost.LockFile))
	mkdirReadOnly(t, filepath.Join(rootOf(s), "cache"))
	start := time.Now()
	if err := p.Delete(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d < 300*time.Millisecond || d > 5*time.Second {
		t.Errorf("delete took %v with a process that ignores SIGTERM", d)
	}
	for name, pid := range map[string]int{"stubborn": stubborn, "orphan": orphan, "machine": machine} {
		eventually(t, name+" gone", func() bool { return !alive(pid) || isZombie(pid) })
	}
	if _, err := os.Stat(dirOf(s)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is left: %v", err)
	}
}

func TestServerSurvivesAgentAndProvider(t *testing.T) {
	state := t.TempDir()
	p := open(t, state)
	s := create(t, p, "app", nil)
	install(t, s, `echo $$ > pid; exec sleep 1000`)
	pid := number(t, filepath.Join(rootOf(s), "pid"))
	t.Run("another host", func(t *testing.T) {
		other := open(t, state)
		stateIs(t, other, "app", cloud.Running)
	})
	if !alive(pid) {
		t.Error("run ended with a host")
	}
	stateIs(t, p, "app", cloud.Running)
	if got := number(t, filepath.Join(rootOf(s), "pid")); got != pid {
		t.Errorf("run was started again: %d, then %d", pid, got)
	}
}

func TestKilledMachineIsStartedAgain(t *testing.T) {
	for _, how := range []string{"get", "list", "create"} {
		t.Run(how, func(t *testing.T) {
			p := open(t, t.TempDir())
			s := create(t, p, "app", nil)
			install(t, s, `echo $$ >> pids; exec sleep 1000`)
			first := number(t, filepath.Join(rootOf(s), "pids"))
			machine := readPID(filepath.Join(dirOf(s), onhost.LockFile))
			if err := unix.Kill(machine, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the lock free", func() bool { return !onhost.IsLocked(filepath.Join(dirOf(s), onhost.LockFile)) })
			if !alive(first) {
				t.Fatal("run ended with its daemon, so the test tests nothing")
			}
			switch how {
			case "get":
				if _, err := p.Get(t.Context(), "app"); err != nil {
					t.Fatal(err)
				}
			case "list":
				if l, err := p.List(t.Context(), nil); err != nil || len(l) != 1 || l[0].Address != s.Address {
					t.Fatal(l, err)
				}
			case "create":
				if again := create(t, p, "app", nil); again.Address != s.Address {
					t.Fatalf("create gave %+v, was %+v", again, s)
				}
			}
			eventually(t, "the leftover gone", func() bool { return !alive(first) || isZombie(first) })
			stateIs(t, p, "app", cloud.Running)
		})
	}
}

func TestKilledMachineCanBeDeleted(t *testing.T) {
	p := open(t, t.TempDir())
	s := create(t, p, "app", nil)
	install(t, s, `echo $$ > pid; exec sleep 1000`)
	pid := number(t, filepath.Join(rootOf(s), "pid"))
	if err := unix.Kill(readPID(filepath.Join(dirOf(s), onhost.LockFile)), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "run gone", func() bool { return !alive(pid) || isZombie(pid) })
}

func TestAddressesAreNeverShared(t *testing.T) {
	state := t.TempDir()
	hosts := []cloud.Provider{open(t, state), open(t, state)}
	var wg sync.WaitGroup
	var mu sync.Mutex // guards owner
	owner := map[string]string{}
	for i, p := range hosts {
		for j := range 6 {
			token := string(rune('a'+i)) + string(rune('0'+j))
			wg.Go(func() {
				s := create(t, p, token, nil)
				mu.Lock()
				defer mu.Unlock()
				if o, ok := owner[s.Address]; ok || !inRange(s.Address) {
					t.Errorf("%s and %q have %s", token, o, s.Address)
				}
				owner[s.Address] = token
			})
		}
	}
	wg.Wait()
}

func TestPortTakenEverywhere(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p := open(t, t.TempDir())
	_, err = p.Create(t.Context(), cloud.Spec{Token: "app", Config: map[string]any{"port": l.Addr().(*net.TCPAddr).Port}})
	if plugins.CodeOf(err) != plugins.Quota || !strings.Contains(err.Error(), "port") {
		t.Errorf("got %v, want the code quota", err)
	}
	if list, err := p.List(t.Context(), nil); err != nil || len(list) != 0 {
		t.Errorf("list gave %v, %v", list, err)
	}
}

func TestBadConfig(t *testing.T) {
	tests := []struct {
		config map[string]any
		field  string
	}{
		{map[string]any{"port": 0}, "config.port"},
		{map[string]any{"port": 70000}, "config.port"},
		{map[string]any{"port": "http"}, "config"},
		{map[string]any{"prot": 80}, "config"},
		{map[string]any{"stop-timeout": "soon"}, "config.stop-timeout"},
		{map[string]any{"stop-timeout": "-1s"}, "config.stop-timeout"},
		{map[string]any{"stop-timeout": "1000h"}, "config.stop-timeout"},
	}
	for _, tt := range tests {
		_, err := newRecord(cloud.Spec{Token: "t", Config: tt.config}, time.Now())
		if e, ok := errors.AsType[*plugins.Error](err); !ok || e.Code != plugins.Invalid || e.Field != tt.field {
			t.Errorf("%v gave %v, want invalid at %s", tt.config, err, tt.field)
		}
	}
}

// No program can be started with a longer variable.
func TestLongVariable(t *testing.T) {
	for n, ok := range map[int]bool{100_000: true, 32*os.Getpagesize() - len("LONG=\x00"): true, 32*os.Getpagesize() - len("LONG="): false} {
		long := strings.Repeat("x", n)
		_, err := newRecord(cloud.Spec{Token: "t", Env: map[string]string{"LONG": long}}, time.Now())
		if started := exec.Command("true"); ok != (err == nil) {
			t.Errorf("%d bytes gave %v", n, err)
		} else if started.Env = []string{"LONG=" + long}; ok != (started.Run() == nil) {
			t.Errorf("the kernel thinks otherwise of %d bytes", n)
		}
	}
}

func TestHalfMadeIsSwept(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".new-a/root", ".gone-b/root/x", "c"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mkdirReadOnly(t, filepath.Join(dir, ".gone-b", "root", "y"))
	if err := sweep(dir); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 || left[0].Name() != "c" {
		t.Errorf("left: %v", left)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func mkdirReadOnly(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "inner"), 0o700), os.Chmod(dir, 0o500)); err != nil {
		t.Fatal(err)
	}
}

func isZombie(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && strings.Contains(string(b), ") Z ")
}

// Asking for the state of a server must not get in the way of its daemon.
func TestListWhileCreating(t *testing.T) {
	p := open(t, t.TempDir())
	created := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				if _, err := p.List(t.Context(), nil); err != nil {
					t.Error("list:", err)
					return
				}
				select {
				case <-created:
					return
				default:
				}
			}
		})
	}
	for i := range 8 {
		create(t, p, strconv.Itoa(i), nil)
	}
	close(created)
	wg.Wait()
	list, err := p.List(t.Context(), nil)
	if err != nil || len(list) != 8 {
		t.Fatalf("%d servers, %v", len(list), err)
	}
	for _, s := range list {
		if s.State != cloud.Starting || readPID(filepath.Join(dirOf(&s), onhost.LockFile)) == 0 {
			t.Errorf("server %s is %s", s.Token, s.State)
		}
	}
}

// A daemon has the lock a moment before it says its process ID; a delete in that
// moment must not wait for ever.
func TestEndOfOneThatJustStarts(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, onhost.LockFile)
	lock, _, err := onhost.TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- end(t.Context(), dir, time.Second) }()
	daemon := exec.Command("sleep", "20")
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	<-time.After(30 * time.Millisecond) // end looks several times
	if err := writeAt(lock, strconv.Itoa(daemon.Process.Pid)); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Wait(); err == nil {
		t.Error("the daemon was not told to end")
	}
	if err := errors.Join(lock.Close(), <-ended); err != nil {
		t.Error(err)
	}
}
