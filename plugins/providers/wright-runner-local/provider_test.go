package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/runner"
)

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	if err := p.Configure(t.Context(), plugins.Settings{StateDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	return p
}

func create(t *testing.T, p *provider, token string) {
	t.Helper()
	if _, err := p.Create(t.Context(), runner.Spec{Token: token, Workspace: "/", Tags: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
}

// start runs a script in the sandbox, as an agent would. The script is to write
// process IDs, one in a line.
func start(t *testing.T, p *provider, token, script string) (cmd *exec.Cmd, pids func() []int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pids")
	c, err := p.Command(t.Context(), token, runner.Command{
		Args: []string{"/bin/sh", "-c", script}, Env: map[string]string{"PATH": os.Getenv("PATH"), "PIDS": file}, Dir: "/",
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(c.Args[0], c.Args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(waited) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-waited
	})
	return cmd, func() []int { return readPIDs(file) }
}

func readPIDs(file string) (pids []int) {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err == nil && strings.HasSuffix(line, "\n") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// alive says whether a process runs; a zombie does not.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(data), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z")
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(2 * time.Minute); !ok(); <-tick.C {
		if time.Now().After(late) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// TestDeleteEndsWhatIsLeft: a daemon that left its group, its session and its
// parent ends with the sandbox, and one of another sandbox does not.
func TestDeleteEndsWhatIsLeft(t *testing.T) {
	p := newProvider(t)
	create(t, p, "one")
	create(t, p, "two")
	const daemons = `setsid sh -c 'echo $$ >>"$PIDS"; (sleep 1000 & echo $! >>"$PIDS"; wait)' </dev/null >/dev/null 2>&1 & `
	_, one := start(t, p, "one", daemons+daemons)
	_, two := start(t, p, "two", daemons)
	await(t, "the daemons", func() bool { return len(one()) == 4 && len(two()) == 2 })
	if err := p.Delete(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	for _, pid := range one() {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	for _, pid := range two() {
		if !alive(pid) {
			t.Errorf("process %d of another sandbox has ended", pid)
		}
	}
	if err := p.Delete(t.Context(), "two"); err != nil {
		t.Error(err)
	}
}

// TestDeleteOfWhatForks: processes that multiply do not outrun the end.
func TestDeleteOfWhatForks(t *testing.T) {
	p := newProvider(t)
	create(t, p, "one")
	_, pids := start(t, p, "one", `breed() { echo $(exec sh -c 'echo $PPID') >>"$PIDS"; sleep 0.01; [ $1 -gt 6 ] || { breed $(($1+1)) & breed $(($1+1)) & }; sleep 0.05; exec sleep 1000; }; breed 1`)
	await(t, "some of them", func() bool { return len(pids()) > 4 })
	if err := p.Delete(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids() {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
}

// TestDeleteGivesUpInTime: a call ends when it is to, and the sandbox stays for
// the next one.
func TestDeleteGivesUpInTime(t *testing.T) {
	p := newProvider(t)
	create(t, p, "one")
	_, pids := start(t, p, "one", `echo $$ >>"$PIDS"; exec sleep 1000`)
	await(t, "the process", func() bool { return len(pids()) == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Delete(ctx, "one"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if list, err := p.List(t.Context(), map[string]string{"a": "b"}); err != nil || len(list) != 1 {
		t.Errorf("afterwards there are %v, %v", list, err)
	}
	if err := p.Delete(t.Context(), "one"); err != nil {
		t.Error(err)
	}
}

// TestCommandIsWhatItWas: but for the mark; and what came in is not changed.
func TestCommandIsWhatItWas(t *testing.T) {
	p := newProvider(t)
	create(t, p, "one")
	for _, env := range []map[string]string{nil, {"A": "line\nbreak", markName: "forged"}} {
		in := runner.Command{Args: []string{"printf", "%s", "a b", "", "$(id)"}, Env: maps.Clone(env), Dir: "/tmp"}
		out, err := p.Command(t.Context(), "one", in)
		if err != nil || fmt.Sprint(out.Args) != fmt.Sprint(in.Args) || out.Dir != in.Dir || out.Env["A"] != env["A"] {
			t.Errorf("%v, %v", out, err)
		}
		if len(out.Env[markName]) < 20 || !maps.Equal(in.Env, env) {
			t.Errorf("marked %q; what came in is now %v", out.Env[markName], in.Env)
		}
	}
	if _, err := p.Command(t.Context(), "two", runner.Command{}); plugins.CodeOf(err) != plugins.NotFound {
		t.Errorf("without a sandbox: %v", err)
	}
}

// TestMarksDiffer: equal tokens of two agents on one host are two sandboxes; one
// token is one, whoever asks at the same time.
func TestMarksDiffer(t *testing.T) {
	marks := map[string]bool{}
	var mu sync.Mutex
	for range 2 {
		p := newProvider(t)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				create(t, p, "one")
				c, err := p.Command(t.Context(), "one", runner.Command{Args: []string{"true"}, Dir: "/"})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				marks[c.Env[markName]] = true
			})
		}
		all.Wait()
	}
	if len(marks) != 2 {
		t.Errorf("marks: %v", marks)
	}
}
