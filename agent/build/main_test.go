package build

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wright-build/wright/agent/process"
	"github.com/wright-build/wright/agent/workspace/access"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// TestMain makes the test binary the supervisor too, and what git asks, as the
// real program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == access.LoginVerb || os.Args[1] == access.SSHVerb) {
		os.Exit(access.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if len(os.Args) > 2 && os.Args[1] == "internal-supervise" {
		if err := process.Supervise(os.Args[2], 300*time.Millisecond); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// deaf is a master that hears words and is never there for anything else.
type deaf struct {
	heard func(u *agentv1.Update) // may be nil

	mu    sync.Mutex // guards all below
	words []*agentv1.Update
}

func (d *deaf) last() *agentv1.Update {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.words[len(d.words)-1]
}

func (d *deaf) Say(u *agentv1.Update) {
	d.mu.Lock()
	d.words = append(d.words, u)
	d.mu.Unlock()
	if d.heard != nil {
		d.heard(u)
	}
}

func (d *deaf) Client() agentv1.AgentsClient { return refusing{} }

// refusing is a master that wants no output.
type refusing struct{ agentv1.AgentsClient }

func (refusing) Logs(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck], error) {
	return refused{}, nil
}

type refused struct {
	grpc.BidiStreamingClient[agentv1.LogChunk, agentv1.LogAck]
}

func (refused) Send(*agentv1.LogChunk) error   { return nil }
func (refused) Recv() (*agentv1.LogAck, error) { return &agentv1.LogAck{Refused: true}, nil }
func (refused) CloseSend() error               { return nil }

// tools are all that an attempt without output, reports and plugins needs.
func tools(t testing.TB) (Tools, *deaf) {
	t.Helper()
	spares, err := NewSpares(filepath.Join(t.TempDir(), "spare"))
	if err != nil {
		t.Fatal(err)
	}
	master := &deaf{}
	return Tools{Agent: "one", Master: master, Spares: spares, Log: slog.New(slog.DiscardHandler)}, master
}

// supervisor connects to a new supervisor, which ends with the test.
func supervisor(t *testing.T) *process.Client {
	t.Helper()
	dir := t.TempDir()
	c, err := process.Connect(t.Context(), dir, []string{os.Args[0], "internal-supervise", dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		if t.Failed() { // its steps must not be left to the machine
			for _, pid := range supervisors(dir) {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		}
		waitFor(t, "the supervisor to end", func() bool { return len(supervisors(dir)) == 0 })
	})
	return c
}

// supervisors are the processes that supervise a directory.
func supervisors(dir string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if line, _ := os.ReadFile(f); strings.Contains(string(line), "internal-supervise\x00"+dir+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, pid)
		}
	}
	return pids
}

func work(steps ...string) *agentv1.Work {
	w := &agentv1.Work{Build: "shop-000001", Attempt: 1, Instance: "shop", Number: 1}
	for i, run := range steps {
		w.Steps = append(w.Steps, &agentv1.Step{Name: fmt.Sprintf("step%d", i+1), Run: run, Timeout: durationpb.New(time.Minute)})
	}
	return w
}

// waitFor waits until ok.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if err := until(what, ok); err != nil {
		t.Fatal(err)
	}
}

func until(what string, ok func() bool) error {
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited too long for %s", what)
		}
		<-tick.C
	}
	return nil
}

// pidIn waits for a script to have written a process ID into a file.
func pidIn(t *testing.T, path string) int {
	t.Helper()
	var pid int
	waitFor(t, path, func() bool {
		data, _ := os.ReadFile(path)
		text, whole := strings.CutSuffix(string(data), "\n")
		var err error
		pid, err = strconv.Atoi(text)
		return whole && err == nil
	})
	return pid
}

// alive says whether a process runs; a zombie does not.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || syscall.Kill(pid, 0) != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return !strings.HasPrefix(rest, "Z")
}
