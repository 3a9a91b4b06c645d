package agent

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// TestCancel ends the whole tree of the step and says why.
func TestCancel(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	g := newGate(t)
	job := work("shop-000001", "echo before; "+g.hide()+g.script(), "echo never")
	s.work(job)
	g.reached(t)
	pid := g.hidden(t)
	s.cancelBuild(job, "ann had enough", false)
	u := s.untilFinal()
	if u.GetState() != agentv1.State_STATE_CANCELLED || u.GetError() != "ann had enough" {
		t.Errorf("the end: %v", u)
	}
	if alive(pid) {
		t.Error("a process of the step is left")
	}
	m.wantLog("shop-000001.1 step1", "before\n")
	waitFor(t, "the build's directory to go", func() bool { return len(w.builds()) == 0 })
}

// TestForget ends it without a word, though the master takes in nothing more.
func TestForget(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	m.set(func() { m.stuck = true })
	g := newGate(t)
	job := work("shop-000001", "echo before; "+g.hide()+g.script())
	s.work(job)
	g.reached(t)
	pid := g.hidden(t)
	s.untilPhase("step step1")
	s.cancelBuild(job, "nobody knows it", true)
	s.cancelBuild(job, "nobody knows it", true)
	waitFor(t, "the build's directory to go", func() bool { return len(w.builds()) == 0 })
	if alive(pid) {
		t.Error("a process of the step is left")
	}
	if err := w.halt(); err != nil {
		t.Error(err)
	}
	for said := range s.said {
		if said.GetUpdates() != nil {
			t.Errorf("nobody wants to hear of it, and it says %v", said)
		}
	}
}

// TestForgetWhatWaits: so does an attempt that is over and waits to be delivered.
func TestForgetWhatWaits(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	m.set(func() { m.deaf, m.stuck = true, true })
	stuck, unheard := work("shop-000001", "echo text"), work("shop-000002", "true")
	s.work(stuck)
	s.work(unheard)
	s.untilFinal()
	w.untilVerdict(t, 2)
	s.cancelBuild(stuck, "nobody knows it", true)
	s.cancelBuild(unheard, "nobody knows it", true)
	waitFor(t, "the builds' directories to go", func() bool { return len(w.builds()) == 0 })
}

// untilVerdict waits until a number of attempts say in their journals how far
// they have come: their last step.
func (w *worker) untilVerdict(t *testing.T, n int) {
	t.Helper()
	waitFor(t, "the last steps", func() bool {
		found := 0
		for _, dir := range w.builds() {
			data, _ := os.ReadFile(dir + "/journal")
			if strings.Contains(string(data), "step step1") {
				found++
			}
		}
		return found == n
	})
}

// TestAgentRestarts in the middle of a step: the next process takes it up.
func TestAgentRestarts(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	g := newGate(t)
	s.work(work("shop-000001", "echo before; "+g.script()+"; echo after", "echo $WRIGHT_ATTEMPT"))
	g.reached(t)
	var version int64
	for range 3 {
		w.restart()
		s = m.session()
		held := s.hello.GetBuilds()
		if len(held) != 1 || held[0].GetBuild() != "shop-000001" || held[0].GetState() != agentv1.State_STATE_RUNNING || held[0].GetVersion() < version {
			t.Fatalf("the agent holds %v, and said version %d", held, version)
		}
		version = s.untilPhase("step step1").GetVersion()
	}
	g.open(t)
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED || u.GetVersion() <= version {
		t.Errorf("the end: %v", u)
	}
	m.wantLog("shop-000001.1 step1", "before\nafter\n")
	m.wantLog("shop-000001.1 step2", "1\n")
	g.wantOneRun(t)
}

// TestStepEndsWithoutAgent: the next process finds the verdict.
func TestStepEndsWithoutAgent(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	g := newGate(t)
	s.work(work("shop-000001", "echo before; "+g.script()+"; touch "+g.dir+"/done; echo after; exit 9"))
	g.reached(t)
	if err := w.halt(); err != nil {
		t.Fatal(err)
	}
	g.open(t)
	waitFor(t, "the step to end", func() bool { _, err := os.Stat(g.dir + "/done"); return err == nil })
	w.start()
	s = m.session()
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_FAILED || !strings.Contains(u.GetError(), "exit status 9") {
		t.Errorf("the end: %v", u)
	}
	m.wantLog("shop-000001.1 step1", "before\nafter\n")
	g.wantOneRun(t)
}

// TestVerdictWaitsForItsOutput: a build that was cancelled stays so when its
// agent restarts before the output is delivered, and the output comes first.
func TestVerdictWaitsForItsOutput(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	m.set(func() { m.stuck = true })
	g := newGate(t)
	job := work("shop-000001", "echo one", "echo two; "+g.script())
	s.work(job)
	g.reached(t)
	s.cancelBuild(job, "ann had enough", false)
	waitFor(t, "the verdict in the journal", func() bool {
		data, _ := os.ReadFile(w.cfg.Data + "/builds/shop-000001.1/journal")
		return strings.Contains(string(data), `"verdict"`)
	})
	w.restart()
	s = m.session()
	if held := s.hello.GetBuilds(); len(held) != 1 || held[0].GetState() != agentv1.State_STATE_RUNNING || held[0].GetError() != "" {
		t.Errorf("its output is not delivered, and the agent holds %v", held)
	}
	m.set(func() { m.stuck = false })
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_CANCELLED || u.GetError() != "ann had enough" {
		t.Errorf("the end: %v", u)
	}
	m.wantLog("shop-000001.1 step1", "one\n")
	m.wantLog("shop-000001.1 step2", "two\n")
	g.wantOneRun(t)
}

// TestEndSaysHowMuchWasWritten: to every master that hears of it, also one that has
// nothing of the output yet, and also from the next agent process.
func TestEndSaysHowMuchWasWritten(t *testing.T) {
	m, other := newMaster(t), newMaster(t)
	w := newWorker(t, m)
	m.session()
	w.cfg.Address += ",http://" + other.address
	w.restart()
	s := m.session()
	m.set(func() { m.deaf = true }) // it takes the output, and acknowledges no end
	s.work(work("shop-000001", "echo one"))
	want := s.untilFinal().GetOutput()
	if !maps.Equal(want, map[int32]int64{1: 4}) {
		t.Errorf("the end says %v", want)
	}
	other.set(func() { other.deaf = true })
	m.stop()
	s = other.session()
	for range 2 {
		held := s.hello.GetBuilds()
		if len(held) != 1 || held[0].GetState() != agentv1.State_STATE_SUCCEEDED || !maps.Equal(held[0].GetOutput(), want) {
			t.Errorf("the next master is told %v, want output %v", held, want)
		}
		w.restart()
		s = other.session()
	}
	other.set(func() { other.deaf = false })
	w.restart()
	other.session()
}

// TestWatchFile: what a build declares is reported when its steps are done; what
// the master refuses is in its log.
func TestWatchFile(t *testing.T) {
	m := newMaster(t)
	m.verdict = &agentv1.WatchVerdict{Reason: "line 3: no"}
	newWorker(t, m)
	s := m.session()
	job := work("shop-000001", `printf '[[watch]]\ngit = "https://git.example.test/lib.git"\nbranch = "main"\n' > $WRIGHT_WATCH_FILE`)
	job.AutoWatch = true
	s.work(job)
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("the end: %v", u)
	}
	m.set(func() {
		if len(m.reports) != 1 {
			t.Fatalf("%d reports", len(m.reports))
		}
		r := m.reports[0]
		if r.GetBuild() != "shop-000001" || r.GetAgent() != "one" || !r.GetComplete() || !strings.Contains(string(r.GetFile()), "https://git.example.test/lib.git") {
			t.Errorf("reported: %v", r)
		}
	})
	m.wantLog("shop-000001.1 wright", fmt.Sprintln("warning: the watch file is refused: line 3: no"))
}
