package agent

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wright-build/wright/agent/process"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// TestMain makes the test binary the supervisor too, as the real program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "internal-supervise" {
		if err := process.Supervise(os.Args[2], 2*time.Second); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// worker is the agent of a test: one process after the other on one directory.
type worker struct {
	t    *testing.T
	cfg  Config
	stop context.CancelFunc
	done chan error // nil while it does not run
}

// newWorker starts an agent. When the test is over nothing may be left of it.
func newWorker(t *testing.T, m *master) *worker {
	t.Helper()
	w := &worker{t: t, cfg: Config{
		Name: "one", Address: "http://" + m.address, Data: t.TempDir(), Slots: 3, Capabilities: []string{"docker", "postgresql 15.4"},
		Plugins: []string{t.TempDir()}, Supervisor: []string{os.Args[0], "internal-supervise"}, Version: "1.2.3",
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	}}
	w.start()
	t.Cleanup(func() {
		if w.done != nil {
			if !t.Failed() { // the last ack may still be under way
				await(func() bool { return len(w.builds()) == 0 })
			}
			if err := w.halt(); err != nil {
				t.Errorf("the agent: %v", err)
			}
		}
		w.checkNothingLeft()
	})
	return w
}

func (w *worker) start() {
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context())) // it ends in the cleanup
	done := make(chan error, 1)
	w.stop, w.done = stop, done
	go func() { done <- Run(ctx, w.cfg) }()
}

// halt ends the agent in good order.
func (w *worker) halt() error {
	w.t.Helper()
	w.stop()
	return w.wait()
}

// wait waits until Run returns.
func (w *worker) wait() error {
	w.t.Helper()
	select {
	case err := <-w.done:
		w.done = nil
		return err
	case <-time.After(patience):
		w.t.Fatalf("the agent does not end\n%s", stacks())
		return nil
	}
}

func (w *worker) restart() {
	w.t.Helper()
	if err := w.halt(); err != nil {
		w.t.Fatal(err)
	}
	w.start()
}

// checkNothingLeft looks for directories, processes and goroutines.
func (w *worker) checkNothingLeft() {
	w.t.Helper()
	for _, dir := range w.builds() {
		w.t.Errorf("%s is left", dir)
	}
	if !await(func() bool { return len(processes(w.cfg.Data)) == 0 }) {
		w.t.Errorf("processes are left: %v", processes(w.cfg.Data))
		for _, pid := range processes(w.cfg.Data) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if !await(func() bool { return len(ours()) == 0 }) {
		w.t.Errorf("goroutines are left:\n%s", strings.Join(ours(), "\n\n"))
	}
}

// builds are the directories of attempts.
func (w *worker) builds() []string {
	found, _ := filepath.Glob(filepath.Join(w.cfg.Data, "builds", "*"))
	return found
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// ours are the goroutines of agents that are over.
func ours() (left []string) {
	agents := regexp.MustCompile(`wright/agent(/\w+)?\.\(|grpc\.\(\*ClientConn|wright/agent\.Run`)
	for _, g := range strings.Split(stacks(), "\n\n") {
		if agents.MatchString(g) && !strings.Contains(g, "testing.tRunner") && !strings.Contains(g, "(*master)") {
			left = append(left, g)
		}
	}
	return left
}

// processes are those that have a directory in their command line or their
// environment.
func processes(dir string) (pids []int) {
	found, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range found {
		pid, _ := strconv.Atoi(filepath.Base(proc))
		for _, name := range []string{"cmdline", "environ"} {
			text, _ := os.ReadFile(filepath.Join(proc, name))
			if pid != os.Getpid() && strings.Contains(string(text), dir+"/") {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

func await(ok func() bool) bool {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if !await(ok) {
		t.Fatalf("waited too long for %s", what)
	}
}

// work is a build whose steps are scripts: step1, step2 and so on.
func work(build string, scripts ...string) *agentv1.Work {
	w := &agentv1.Work{Build: build, Attempt: 1, Instance: "shop", Number: 1}
	for i, run := range scripts {
		w.Steps = append(w.Steps, &agentv1.Step{Name: fmt.Sprintf("step%d", i+1), Run: run, Timeout: durationpb.New(time.Minute)})
	}
	return w
}

// gate is a place where a script waits until the test opens it.
type gate struct{ dir string }

func newGate(t *testing.T) gate { return gate{t.TempDir()} }

// script notes that it runs and waits at the gate.
func (g gate) script() string {
	return fmt.Sprintf("echo run >> %[1]s/runs; while [ ! -e %[1]s/open ]; do sleep 0.01; done", g.dir)
}

// hide is a script that leaves a process in the background, in a session of its own.
func (g gate) hide() string {
	return fmt.Sprintf("(setsid sleep 1000 & echo $! > %s/pid); ", g.dir)
}

func (g gate) open(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (g gate) runs() int {
	data, _ := os.ReadFile(filepath.Join(g.dir, "runs"))
	return strings.Count(string(data), "\n")
}

func (g gate) wantOneRun(t *testing.T) {
	t.Helper()
	if n := g.runs(); n != 1 {
		t.Errorf("the step ran %d times", n)
	}
}

// reached waits until a script is at the gate.
func (g gate) reached(t *testing.T) {
	t.Helper()
	waitFor(t, "the step to run", func() bool { return g.runs() > 0 })
}

// hidden is the process that hide left.
func (g gate) hidden(t *testing.T) int {
	t.Helper()
	var pid int
	waitFor(t, "the hidden process", func() bool {
		data, _ := os.ReadFile(filepath.Join(g.dir, "pid"))
		text, whole := strings.CutSuffix(string(data), "\n")
		pid, _ = strconv.Atoi(text)
		return whole && pid > 0
	})
	return pid
}

// alive says whether a process runs; a zombie does not.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(data), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z")
}
