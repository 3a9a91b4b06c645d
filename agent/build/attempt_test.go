package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/appserver"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// run runs an attempt until it is over; the master stores each word.
func run(t *testing.T, a *Attempt, master *deaf) {
	t.Helper()
	master.heard = func(u *agentv1.Update) { a.Acked(u.GetVersion()) }
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(a.dir); !os.IsNotExist(err) {
		t.Errorf("the directory is left: %v", err)
	}
}

// abandoned is the directory of an attempt whose agent stopped in the middle of
// its step, and the process that the step runs.
func abandoned(t *testing.T, tools Tools) (dir string, pid int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pid")
	dir = filepath.Join(t.TempDir(), "shop-000001.1")
	a, err := New(tools, dir, work(fmt.Sprintf("(setsid sleep 1000 & echo $! > %s); sleep 1000", file)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	pid = pidIn(t, file)
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	if !alive(pid) {
		t.Fatal("the step ended with its agent")
	}
	return dir, pid
}

// TestToldToGiveUpBeforeItsStep: an attempt that is taken up and ended before it
// has come to the step that it left running ends that step, too.
func TestToldToGiveUpBeforeItsStep(t *testing.T) {
	for _, forget := range []bool{false, true} {
		t.Run(fmt.Sprintf("forget %v", forget), func(t *testing.T) {
			tools, master := tools(t)
			tools.Supervisor = supervisor(t)
			dir, pid := abandoned(t, tools)
			a, err := Resume(tools, dir)
			if err != nil {
				t.Fatal(err)
			}
			a.Cancel("ann had enough", forget)
			run(t, a, master)
			if alive(pid) {
				t.Error("its step goes on")
			}
			switch u := master.last(); {
			case forget && u.GetState() != agentv1.State_STATE_RUNNING:
				t.Errorf("nobody wants to hear of it, and it says %v", u)
			case !forget && (u.GetState() != agentv1.State_STATE_CANCELLED || u.GetError() != "ann had enough"):
				t.Errorf("it says %v", u)
			}
		})
	}
}

// TestKilledWhileItCancels: an agent process that has ended the step of a build
// that was cancelled, and dies then, leaves no failed build: the next one knows.
func TestKilledWhileItCancels(t *testing.T) {
	tools, master := tools(t)
	tools.Supervisor = supervisor(t)
	dir, pid := abandoned(t, tools)
	first, err := Resume(tools, dir)
	if err != nil {
		t.Fatal(err)
	}
	first.noteCancel("ann had enough")
	if err := tools.Supervisor.Kill(t.Context(), first.stepID(1), "ann had enough"); err != nil {
		t.Fatal(err)
	}
	if _, err := tools.Supervisor.Wait(t.Context(), first.stepID(1)); err != nil {
		t.Fatal(err)
	}
	if err := first.journal.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := Resume(tools, dir)
	if err != nil {
		t.Fatal(err)
	}
	run(t, next, master)
	if u := master.last(); u.GetState() != agentv1.State_STATE_CANCELLED || u.GetError() != "ann had enough" {
		t.Errorf("it says %v", u)
	}
	if alive(pid) {
		t.Error("its step goes on")
	}
}

// TestFailureWithAStepRunning: so does one that fails before it is there.
func TestFailureWithAStepRunning(t *testing.T) {
	tools, master := tools(t)
	tools.Supervisor = supervisor(t)
	dir, pid := abandoned(t, tools)
	a, err := Resume(tools, dir)
	if err != nil {
		t.Fatal(err)
	}
	a.work.Databases = []*agentv1.Database{{Provider: "sqlite", Name: "shop"}}
	a.Keeper = func(context.Context) (*appserver.Keeper, error) { return nil, errors.New("no plugins any more") }
	run(t, a, master)
	if u := master.last(); u.GetState() != agentv1.State_STATE_ERRORED || u.GetError() != "no plugins any more" {
		t.Errorf("it says %v", u)
	}
	if alive(pid) {
		t.Error("its step goes on")
	}
}

// TestVerdictIsFinal: an attempt that came to its verdict is not carried out
// again by the next agent process. Its AppServer may be gone by now: it must
// not be made once more.
func TestVerdictIsFinal(t *testing.T) {
	at := time.Unix(1e9, 0).UTC()
	for _, r := range []record{
		{Version: 4, State: agentv1.State_STATE_SUCCEEDED, Verdict: agentv1.State_STATE_SUCCEEDED, FinishedAt: at},
		{Version: 4, State: agentv1.State_STATE_RUNNING, Phase: "health", Verdict: agentv1.State_STATE_FAILED, Error: "not healthy", FinishedAt: at},
		{Version: 4, State: agentv1.State_STATE_CANCELLED, Verdict: agentv1.State_STATE_CANCELLED, Error: "enough", FinishedAt: at},
	} {
		tools, master := tools(t)
		tools.Keeper = func(context.Context) (*appserver.Keeper, error) {
			t.Errorf("%s: it is carried out again", r.Verdict)
			return nil, errors.New("not again")
		}
		w := work()
		w.Appserver = &agentv1.AppServer{Id: "shop-000001.1", Cloud: "process"}
		dir := filepath.Join(t.TempDir(), "shop-000001.1")
		a, err := New(tools, dir, w)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(write(a.journal, entry{Record: &r}), a.journal.Close()); err != nil {
			t.Fatal(err)
		}
		if a, err = Resume(tools, dir); err != nil {
			t.Fatal(err)
		}
		run(t, a, master)
		u := master.last()
		if u.GetState() != r.Verdict || u.GetError() != r.Error || u.GetPhase() != "" || u.GetVersion() <= r.Version || !u.GetFinishedAt().AsTime().Equal(at) {
			t.Errorf("it says %v, want the verdict of %+v", u, r)
		}
	}
}

// TestAckOfAnOldWord: only the ack of the final word lets an attempt go.
func TestAckOfAnOldWord(t *testing.T) {
	for _, c := range []struct {
		state agentv1.State
		ack   int64
		goes  bool
	}{
		{agentv1.State_STATE_RUNNING, 5, false},
		{agentv1.State_STATE_RUNNING, 6, false},
		{agentv1.State_STATE_SUCCEEDED, 4, false},
		{agentv1.State_STATE_SUCCEEDED, 5, true},
		{agentv1.State_STATE_CANCELLED, 5, true},
	} {
		a := &Attempt{acked: make(chan struct{}, 1), known: make(chan struct{}), record: record{State: c.state, Version: 5}}
		a.Acked(c.ack)
		a.Acked(c.ack) // once more does not block
		if goes := len(a.acked) == 1; goes != c.goes {
			t.Errorf("%s at 5, ack of %d: it goes: %v", c.state, c.ack, goes)
		}
	}
}
