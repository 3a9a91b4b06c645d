package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

const (
	onFailure = agentv1.Condition_CONDITION_ON_FAILURE
	always    = agentv1.Condition_CONDITION_ALWAYS
)

// conditioned has steps that write down that they ran, and what they were told.
func conditioned(file string, steps ...*agentv1.Step) *agentv1.Work {
	w := work()
	for i, s := range steps {
		s.Name, s.Timeout = fmt.Sprintf("step%d", i+1), durationpb.New(time.Minute)
		s.Run = fmt.Sprintf("echo %d $WRIGHT_STATUS >> %s; %s", i+1, file, s.GetRun())
		w.Steps = append(w.Steps, s)
	}
	return w
}

func TestConditionsOfSteps(t *testing.T) {
	tools, master := tools(t)
	tools.Supervisor = supervisor(t)
	for name, c := range map[string]struct {
		steps []*agentv1.Step
		ran   string
		state agentv1.State
		error string
	}{
		"all is well": {[]*agentv1.Step{{Run: "true"}, {Run: "true", When: onFailure}, {Run: "true", When: always}},
			"1 succeeded 3 succeeded", agentv1.State_STATE_SUCCEEDED, ""},
		"one fails": {[]*agentv1.Step{{Run: "exit 3"}, {Run: "true"}, {Run: "true", When: onFailure}, {Run: "true", When: always}},
			"1 succeeded 3 failed 4 failed", agentv1.State_STATE_FAILED, "step step1 failed with exit status 3"},
		"the first failure counts": {[]*agentv1.Step{{Run: "exit 3"}, {Run: "exit 4", When: onFailure}, {Run: "exit 5", When: always}},
			"1 succeeded 2 failed 3 failed", agentv1.State_STATE_FAILED, "step step1 failed with exit status 3"},
		"what always runs may fail too": {[]*agentv1.Step{{Run: "true"}, {Run: "exit 5", When: always}, {Run: "true"}},
			"1 succeeded 2 succeeded", agentv1.State_STATE_FAILED, "step step2 failed with exit status 5"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "ran")
			w := conditioned(file, c.steps...)
			w.Build = strings.ReplaceAll(name, " ", "-") // the supervisor remembers steps by their build
			run(t, attempt(t, tools, w), master)
			ran, _ := os.ReadFile(file)
			if got := strings.Join(strings.Fields(string(ran)), " "); got != c.ran {
				t.Errorf("ran %q, want %q", got, c.ran)
			}
			if u := master.last(); u.GetState() != c.state || u.GetError() != c.error {
				t.Errorf("it says %v", u)
			}
		})
	}
}

// A build that is cancelled, or takes too long, ends its step and still does what
// is to be done always; of the rest nothing.
func TestAlwaysAfterTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		state   agentv1.State
		error   string
	}{
		"cancelled": {0, agentv1.State_STATE_CANCELLED, "ann had enough"},
		"too late":  {time.Second, agentv1.State_STATE_FAILED, "it was ended after its timeout of 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			tools, master := tools(t)
			tools.Supervisor = supervisor(t)
			dir := t.TempDir()
			file, pid := filepath.Join(dir, "ran"), filepath.Join(dir, "pid")
			w := conditioned(file, &agentv1.Step{Run: "echo $$ > " + pid + "; sleep 1000"},
				&agentv1.Step{Run: "true"}, &agentv1.Step{Run: "true", When: onFailure}, &agentv1.Step{Run: "true", When: always})
			w.Timeout = durationpb.New(c.timeout)
			a := attempt(t, tools, w)
			go func() {
				if c.timeout == 0 {
					pidIn(t, pid)
					a.Cancel("ann had enough", false)
				}
			}()
			run(t, a, master)
			ran, _ := os.ReadFile(file)
			if got := strings.Join(strings.Fields(string(ran)), " "); got != "1 succeeded 4 cancelled" {
				t.Errorf("ran %q", got)
			}
			if u := master.last(); u.GetState() != c.state || u.GetError() != c.error {
				t.Errorf("it says %v", u)
			}
			if alive(pidIn(t, pid)) {
				t.Error("its step goes on")
			}
		})
	}
}

// Whoever cancels a second time wants the end at once, and so does a master that
// has no use for the build any more.
func TestCancelledTwice(t *testing.T) {
	for _, forget := range []bool{false, true} {
		t.Run(fmt.Sprint("forget ", forget), func(t *testing.T) {
			tools, master := tools(t)
			tools.Supervisor = supervisor(t)
			dir := t.TempDir()
			first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
			w := conditioned(filepath.Join(dir, "ran"), &agentv1.Step{Run: "echo $$ > " + first + "; sleep 1000"},
				&agentv1.Step{Run: "echo $$ > " + second + "; sleep 1000", When: always})
			a := attempt(t, tools, w)
			go func() {
				pidIn(t, first)
				a.Cancel("ann had enough", false)
				pidIn(t, second)
				if a.Cancel("said again after a reconnect", forget); !forget {
					a.CancelAgain("bob too")
				}
			}()
			run(t, a, master)
			if alive(pidIn(t, second)) {
				t.Error("what runs always goes on")
			}
		})
	}
}

func TestShellAndSilence(t *testing.T) {
	tools, master := tools(t)
	tools.Supervisor = supervisor(t)
	file := filepath.Join(t.TempDir(), "said")
	w := work("false | true; print $((6 * 7))")
	w.Steps[0].Shell = []string{"/bin/sh", "-c", "echo given: $1 > " + file, "sh"}
	run(t, attempt(t, tools, w), master)
	if said, _ := os.ReadFile(file); string(said) != "given: false | true; print $((6 * 7))\n" {
		t.Errorf("the shell was given %q", said)
	}
	w = work("echo now; sleep 1000")
	w.Build, w.Steps[0].Silence = "shop-000002", durationpb.New(200*time.Millisecond)
	run(t, attempt(t, tools, w), master)
	if u := master.last(); u.GetState() != agentv1.State_STATE_FAILED || u.GetError() != "step step1 was ended: it had printed nothing for 200ms" {
		t.Errorf("it says %v", u)
	}
}

func TestHostFaults(t *testing.T) {
	for err, want := range map[error]bool{
		failed("step test failed"): false,
		errors.New("no plugin"):    false,
		context.Canceled:           false,
		&hostFault{text: "memory"}: true,
		fmt.Errorf("write down: %w", &os.PathError{Op: "write", Path: "journal", Err: syscall.ENOSPC}): true,
		fmt.Errorf("start: %w", syscall.ENOMEM):                                                        true,
	} {
		if got := isHostFault(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
