package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/agent/build"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

func TestHello(t *testing.T) {
	m := newMaster(t)
	m.lease = 300 * time.Millisecond
	w := newWorker(t, m)
	if err := os.WriteFile(filepath.Join(w.cfg.Plugins[0], "wright-cloud-fake"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	first := m.session().hello
	if first.GetName() != "one" || first.GetSlots() != 3 || first.GetVersion() != "1.2.3" || len(first.GetBuilds()) != 0 ||
		strings.Join(first.GetCapabilities(), ",") != "docker,postgresql 15.4" {
		t.Errorf("hello: %v", first)
	}
	w.restart()
	s := m.session()
	if strings.Join(s.hello.GetPlugins(), ",") != "cloud/fake" {
		t.Errorf("plugins: %q", s.hello.GetPlugins())
	}
	for range 3 {
		if m := s.next("heartbeats"); m.GetHeartbeat() == nil {
			t.Errorf("an idle agent says %v", m)
		}
	}
}

// TestBuild: work is carried out once, however often it is sent, and its output
// arrives byte by byte.
func TestBuild(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	g := newGate(t)
	job := work("shop-000001", g.script()+`; printf 'a\000\377\r\nb'`, "true", "echo $WRIGHT_BUILD.$WRIGHT_ATTEMPT >&2; head -c 3000000 /dev/zero")
	s.work(job)
	s.work(job)
	u := s.untilPhase("step step1")
	if u.GetAttempt() != 1 || u.GetStartedAt() == nil || u.GetFinishedAt() != nil {
		t.Errorf("running: %v", u)
	}
	g.reached(t)
	s.work(job)
	g.open(t)
	u = s.untilFinal()
	if u.GetState() != agentv1.State_STATE_SUCCEEDED || u.GetError() != "" || u.GetPhase() != "" ||
		u.GetFinishedAt().AsTime().Before(u.GetStartedAt().AsTime()) {
		t.Errorf("the end: %v", u)
	}
	m.wantLog("shop-000001.1 step1", "a\x00\xff\r\nb")
	m.wantLog("shop-000001.1 step3", "shop-000001.1\n"+strings.Repeat("\x00", 3000000))
	if text, _ := m.log("shop-000001.1 step2"); text != "" {
		t.Errorf("a silent step said %q", text)
	}
	g.wantOneRun(t)
	waitFor(t, "the build's directory to go", func() bool { return len(w.builds()) == 0 })
}

func TestFailedBuild(t *testing.T) {
	m := newMaster(t)
	newWorker(t, m)
	s := m.session()
	g := newGate(t)
	s.work(work("shop-000001", "echo before; exit 7", g.script()))
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_FAILED || u.GetError() != "step step1 failed with exit status 7" {
		t.Errorf("the end: %v", u)
	}
	m.wantLog("shop-000001.1 step1", "before\n")
	if g.runs() != 0 {
		t.Error("the step after a failed one ran")
	}
}

// TestManyBuilds at once.
func TestManyBuilds(t *testing.T) {
	m := newMaster(t)
	newWorker(t, m)
	s := m.session()
	const builds = 60
	for i := range builds {
		s.work(work(fmt.Sprintf("shop-%06d", i), "test -z \"$(ls -A)\"; echo $WRIGHT_BUILD"))
	}
	for range builds {
		if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
			t.Errorf("the end: %v", u)
		}
	}
	for i := range builds {
		m.wantLog(fmt.Sprintf("shop-%06d.1 step1", i), fmt.Sprintf("shop-%06d\n", i))
	}
}

// TestDirectoriesAreUsedAgain, as they are while the agent is busy: no build sees
// what another has left, or how it changed its workspace.
func TestDirectoriesAreUsedAgain(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	busy := newGate(t)
	s.work(work("busy-000001", busy.script()))
	for i := range 30 {
		leave := []string{"true", "echo x > left", "chmod 755 ."}[i%3]
		s.work(work(fmt.Sprintf("shop-%06d", i), "test -z \"$(ls -A)\"; test \"$(stat -c %a .)\" = 700; "+leave))
		if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
			t.Fatalf("the end of build %d: %v", i, u)
		}
		waitFor(t, "the build to be let go", func() bool { return len(w.builds()) == 1 })
	}
	busy.open(t)
	s.untilFinal()
}

// TestLastWord: an agent that is told to stop waits a little for the answer to a
// verdict, and so leaves nothing of that build.
func TestLastWord(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	m.set(func() { m.deaf = true })
	s.work(work("shop-000001", "true"))
	end := s.untilFinal()
	w.stop()
	select {
	case <-s.ended:
		t.Error("it left without waiting for the answer")
	case <-time.After(build.LastWords / 10): // it must not leave meanwhile
	}
	m.set(func() { m.deaf = false })
	m.ack(s, []*agentv1.Update{end})
	if err := w.wait(); err != nil {
		t.Fatal(err)
	}
	if left := w.builds(); len(left) != 0 {
		t.Errorf("it keeps %v", left)
	}
}

// TestAcksAreLost: until the end is stored the agent holds the build, and says
// so in each Hello.
func TestAcksAreLost(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	m.set(func() { m.deaf = true })
	g := newGate(t)
	g.open(t)
	s.work(work("shop-000001", g.script()))
	version := s.untilFinal().GetVersion()
	s.cut()
	for range 2 {
		s = m.session()
		held := s.hello.GetBuilds()
		if len(held) != 1 || held[0].GetState() != agentv1.State_STATE_SUCCEEDED || held[0].GetVersion() < version {
			t.Fatalf("the agent holds %v", held)
		}
		if len(w.builds()) != 1 {
			t.Errorf("it keeps %v", w.builds())
		}
		s.cut()
	}
	w.restart() // the next process knows the end, too
	if held := m.session().hello.GetBuilds(); len(held) != 1 || held[0].GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Fatalf("the agent holds %v", held)
	}
	m.set(func() { m.deaf = false })
	w.restart()
	m.session()
	waitFor(t, "the build to be let go", func() bool { return len(w.builds()) == 0 })
	g.wantOneRun(t)
}

// TestMasterDies in the middle of a step, and comes back after it.
func TestMasterDies(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(fmt.Sprintf("step ends meanwhile %v", ends), func(t *testing.T) {
			m := newMaster(t)
			newWorker(t, m)
			s := m.session()
			g := newGate(t)
			s.work(work("shop-000001", "echo before; "+g.script()+"; echo after; touch "+g.dir+"/done"))
			g.reached(t)
			waitFor(t, "the first line", func() bool { text, _ := m.log("shop-000001.1 step1"); return text == "before\n" })
			m.stop()
			if ends {
				g.open(t)
				waitFor(t, "the step to end", func() bool { _, err := os.Stat(g.dir + "/done"); return err == nil })
			}
			m.start()
			s = m.session()
			if held := s.hello.GetBuilds(); len(held) != 1 || held[0].GetBuild() != "shop-000001" {
				t.Errorf("the agent holds %v", held)
			}
			g.open(t)
			final := func(u *agentv1.Update) bool { return u.GetState() == agentv1.State_STATE_SUCCEEDED }
			if !final(s.hello.GetBuilds()[0]) {
				s.until("the verdict", final)
			}
			m.wantLog("shop-000001.1 step1", "before\nafter\n")
			g.wantOneRun(t)
		})
	}
}

// TestSupervisorKilled: what ran under it is lost. The agent says so by saying
// Hello again without it.
func TestSupervisorKilled(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	lost, kept := newGate(t), newGate(t)
	s.work(work("shop-000001", lost.hide()+lost.script()))
	lost.reached(t)
	pid := lost.hidden(t)
	w.killSupervisor()
	s = m.session()
	if held := s.hello.GetBuilds(); len(held) != 0 {
		t.Errorf("the agent holds %v", held)
	}
	waitFor(t, "the processes of the lost step to end", func() bool { return !alive(pid) })
	kept.open(t)
	s.work(work("shop-000002", kept.script()+"; echo well"))
	if u := s.untilFinal(); u.GetBuild() != "shop-000002" || u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("the next build: %v", u)
	}
	m.wantLog("shop-000002.1 step1", "well\n")
}

// killSupervisor ends the process that runs the steps.
func (w *worker) killSupervisor() {
	w.t.Helper()
	killed := false
	for _, pid := range processes(w.cfg.Data) {
		if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), "internal-supervise") {
			killed = syscall.Kill(pid, syscall.SIGKILL) == nil
		}
	}
	if !killed {
		w.t.Fatal("there is no supervisor")
	}
}

// TestLostUnheard: an attempt is lost while no master hears of it. It is held until
// the master knows that it began, or the very same would be begun again; what was
// still to be said of it is not said once it is held no more.
func TestLostUnheard(t *testing.T) {
	m := newMaster(t)
	m.set(func() { m.deaf = true })
	w := newWorker(t, m)
	s := m.session()
	first, second := newGate(t), newGate(t)
	s.work(work("shop-000001", first.script(), second.script()))
	first.reached(t)
	s.untilPhase("step step1")
	m.stop()
	first.open(t)
	second.reached(t)
	w.killSupervisor()
	waitFor(t, "the attempt to be given up", func() bool { return strings.Contains(stacks(), "build.(*Attempt).give(") })
	m.set(func() { m.deaf = false })
	m.start()
	s = m.session()
	held := s.hello.GetBuilds()
	if len(held) != 1 || held[0].GetState() != agentv1.State_STATE_RUNNING {
		t.Fatalf("the agent holds %v", held)
	}
	s = m.session()
	if held := s.hello.GetBuilds(); len(held) != 0 {
		t.Fatalf("the agent still holds %v", held)
	}
	second.open(t)
	again := work("shop-000001", first.script(), second.script())
	again.Attempt = 2
	s.work(again)
	if u := s.until("a word", func(*agentv1.Update) bool { return true }); u.GetAttempt() != 2 {
		t.Errorf("the first word: %v", u)
	}
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("the end: %v", u)
	}
}

// TestRefused: an agent that the master does not want ends, and says what to do.
func TestRefused(t *testing.T) {
	m := newMaster(t)
	m.refuses = status.Error(codes.Unauthenticated, "its token is wrong: give it the master's with --token-file")
	w := newWorker(t, m)
	err := w.wait()
	if err == nil || !strings.Contains(err.Error(), "give it the master's with --token-file") || !strings.Contains(err.Error(), m.address) {
		t.Errorf("got %v", err)
	}
}

// TestRefusedWithABuild: so does one that has work; its step waits for the next
// one, which comes with the right token.
func TestRefusedWithABuild(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	s := m.session()
	g := newGate(t)
	s.work(work("shop-000001", g.script()+"; echo well"))
	g.reached(t)
	m.set(func() { m.refuses = status.Error(codes.Unauthenticated, "the token was changed") })
	m.stop()
	m.start()
	if err := w.wait(); err == nil || !strings.Contains(err.Error(), "the token was changed") {
		t.Errorf("got %v", err)
	}
	m.set(func() { m.refuses = nil })
	w.start()
	s = m.session()
	g.open(t)
	if u := s.untilFinal(); u.GetState() != agentv1.State_STATE_SUCCEEDED {
		t.Errorf("the end: %v", u)
	}
	m.wantLog("shop-000001.1 step1", "well\n")
	g.wantOneRun(t)
}

// TestTwoAgentsInADirectory: the second one is told.
func TestTwoAgentsInADirectory(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	m.session()
	if err := Run(t.Context(), w.cfg); err == nil || !strings.Contains(err.Error(), "give each its own --data") {
		t.Errorf("got %v", err)
	}
}

func TestBadAddress(t *testing.T) {
	for _, address := range []string{"", "master:7070", "ftp://master:7070", "http://", "http://master:7070,"} {
		if l, err := newLink(Config{Address: address}); err == nil {
			l.close()
			t.Errorf("%q: no error", address)
		} else if !strings.Contains(err.Error(), "http://host:port") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestOperationFails: the master is told why.
func TestOperationFails(t *testing.T) {
	m := newMaster(t)
	newWorker(t, m)
	s := m.session()
	s.send(&agentv1.FromMaster{Message: &agentv1.FromMaster_Operation{Operation: &agentv1.Operation{
		Id: "op1", Kind: agentv1.Operation_KIND_TERMINATE, Appserver: "shop-000001.1", Cloud: "nowhere",
	}}})
	for {
		r := s.next("the result").GetOperationResult()
		if r == nil {
			continue
		}
		if r.GetId() != "op1" || r.GetAppserver() != "shop-000001.1" || !strings.Contains(r.GetError(), "nowhere") {
			t.Errorf("result: %v", r)
		}
		return
	}
}
