package dispatch_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

func TestHelloAndWork(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", "[source]\ngit = \"https://h.test/shop.git\"\nbranch = \"main\"\n"+plain)
	ref := &state.Ref{VCS: "git", URL: "https://h.test/shop.git", Ref: "refs/heads/main", Revision: "abc"}
	h.put(ref.Put(ref.Key()))
	a := h.dial("one")
	a.say(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: &agentv1.Hello{Name: "one", Slots: 2, Capabilities: []string{"docker"}}}})
	if w := take(a, a.welcome); w.GetInstallation() != "inst" || w.GetLease().AsDuration() != time.Minute {
		t.Errorf("welcome %v", w)
	}
	h.until("the agent is known", func(f *state.Facts) bool { return f.Agents["one"] != nil && f.Agents["one"].Slots == 2 })
	id := h.queue("shop", 1)
	w := take(a, a.works)
	if w.GetBuild() != id || w.GetAttempt() != 1 || w.GetSource().GetRevision() != "abc" || len(w.GetSteps()) != 1 || w.GetReason() != "please" {
		t.Errorf("work %v", w)
	}
	if b := h.build(id); b.State != state.Assigned || b.Agent != "one" || b.FactsAt == 0 {
		t.Errorf("the build is %+v", b)
	}
	a.tell(word(w, 1, running))
	if b := h.build(id); b.State != state.Running || b.Version != 1 {
		t.Errorf("the build is %+v", b)
	}
	a.tell(word(w, 2, succeeded))
	if b := h.build(id); b.State != state.Succeeded || b.EndedAt.IsZero() {
		t.Errorf("the build is %+v", b)
	}
	h.until("it has left the live facts", func(f *state.Facts) bool {
		return len(f.Builds) == 0 && f.Lasts["shop"] != nil && f.Lasts["shop"].Success == id
	})
	a.nothingElse()
}

func TestHelloIsChecked(t *testing.T) {
	h := open(t, time.Minute)
	hello := func(name string, slots int32) *agentv1.FromAgent {
		return &agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: &agentv1.Hello{Name: name, Slots: slots}}}
	}
	for name, first := range map[string]*agentv1.FromAgent{
		"no hello":   {Message: &agentv1.FromAgent_Heartbeat{Heartbeat: &agentv1.Heartbeat{}}},
		"nothing":    {},
		"no name":    hello("", 1),
		"a path":     hello("../x", 1),
		"too long":   hello(strings.Repeat("a", 64), 1),
		"a newline":  hello("a\n", 1),
		"no slots":   hello("a", 0),
		"minus one":  hello("a", -1),
		"very many":  hello("a", 10001),
		"many tools": {Message: &agentv1.FromAgent_Hello{Hello: &agentv1.Hello{Name: "a", Slots: 1, Capabilities: make([]string, 1001)}}},
	} {
		a := h.dial(name)
		a.say(first)
		if err := a.refused(); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := h.connect("one", 1)
	a.say(hello("one", 10001))
	if a.refused() == nil {
		t.Error("a bad second hello was heeded")
	}
	h.store.Read(func(f *state.Facts) {
		if len(f.Agents) != 1 || f.Agents["one"].Slots != 1 {
			t.Errorf("agents %v", f.Agents)
		}
	})
}

func TestASecondHelloChangesWhatIsOffered(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	a := h.connect("one", 1)
	h.queue("shop", 1)
	h.queue("shop", 2)
	take(a, a.works)
	a.nothingElse()
	a.say(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: &agentv1.Hello{Name: "one", Slots: 2}}})
	if w := take(a, a.works); w.GetNumber() != 2 {
		t.Errorf("work %v", w)
	}
}

func TestUpdatesRepeatedReorderedAndLate(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	a, other := h.connect("one", 1), h.connect("two", 1)
	id := h.queue("shop", 1)
	var w *agentv1.Work
	select {
	case w = <-a.works:
	case w = <-other.works:
		a, other = other, a
	case <-time.After(patience):
		t.Fatal("no work came")
	}
	said := word(w, 5, running)
	said.Phase = "step b"
	a.tell(said)
	late := word(w, 3, running)
	late.Phase = "step a"
	a.tell(late) // it is acknowledged: what it says is known
	a.tell(said)
	if b := h.build(id); b.Version != 5 || b.Phase != "step b" {
		t.Errorf("after a late word the build is %+v", b)
	}
	other.update(word(w, 9, succeeded))
	if c := take(other, other.cancels); !c.GetForget() || c.GetBuild() != id {
		t.Errorf("another agent's word was answered with %v", c)
	}
	a.tell(word(w, 6, failed))
	a.tell(word(w, 6, failed))
	a.tell(word(w, 7, succeeded)) // acknowledged, so that the agent lets go
	if b := h.build(id); b.State != state.Failed || b.Version != 6 {
		t.Errorf("a finished build became %+v", b)
	}
	a.update(word(w, 8, running))
	if c := take(a, a.cancels); !c.GetForget() {
		t.Errorf("going on with a finished build was answered with %v", c)
	}
	a.update(&agentv1.Update{Build: "../x", Attempt: 1, Version: 1, State: succeeded})
	if c := take(a, a.cancels); !c.GetForget() || c.GetBuild() != "../x" {
		t.Errorf("a word of nothing was answered with %v", c)
	}
	a.nothingElse()
	other.nothingElse()
}

func TestALostAgentsBuildsGoElsewhere(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	const many = 150 // more than go into one transaction
	a := h.connect("one", many)
	for n := range int64(many) {
		h.put(queued("shop", n+1).Put())
	}
	for range many {
		take(a, a.works)
	}
	var lease int64
	h.store.Read(func(f *state.Facts) { lease = f.Agents["one"].Lease })
	if err := h.store.Revoke(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	h.until("all its builds wait again", func(f *state.Facts) bool { return len(f.Queue()) == many })
	b := h.connect("two", many)
	for range many {
		if w := take(b, b.works); w.GetAttempt() != 2 {
			t.Errorf("work %v, want attempt 2", w)
		}
	}
	a.update(&agentv1.Update{Build: "shop-000001", Attempt: 1, Version: 9, State: succeeded})
	if c := take(a, a.cancels); !c.GetForget() {
		t.Errorf("the older attempt was answered with %v", c)
	}
	if b := h.build("shop-000001"); b.Attempt != 2 || b.State != state.Assigned {
		t.Errorf("after the older attempt spoke the build is %+v", b)
	}
	a.heartbeat() // its lease is gone
	if a.refused() == nil {
		t.Error("an agent without a lease stays connected")
	}
}

func TestASilentAgentIsGone(t *testing.T) {
	h := open(t, 2*time.Second)
	h.manifest("shop", plain)
	a := h.connect("one", 1)
	id := h.queue("shop", 1)
	a.tell(word(take(a, a.works), 1, running))
	h.until("its lease has ended", func(f *state.Facts) bool { return f.Agents["one"] == nil })
	h.until("its build waits", func(f *state.Facts) bool { return f.Builds[id].State == state.Queued && f.Builds[id].Attempt == 2 })
}

func TestAHeartbeatKeepsTheLease(t *testing.T) {
	h := open(t, 2*time.Second)
	a := h.connect("one", 1)
	silent := h.connect("two", 1)
	beat := time.NewTicker(200 * time.Millisecond)
	defer beat.Stop()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = h.store.Await(t.Context(), func(f *state.Facts) bool { return f.Agents["two"] == nil })
	}()
	for {
		select {
		case <-beat.C:
			a.heartbeat()
			continue
		case <-gone:
		}
		break
	}
	h.store.Read(func(f *state.Facts) {
		if f.Agents["one"] == nil {
			t.Error("an agent that is heard of is gone")
		}
	})
	silent.leave()
}

func TestReconnect(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	a := h.connect("one", 3)
	var works []*agentv1.Work
	for n := range int64(3) {
		h.queue("shop", n+1)
		works = append(works, take(a, a.works))
	}
	a.tell(word(works[0], 1, running))
	a.tell(word(works[1], 1, running))
	a.leave()
	// It holds the first, lost the second in a crash and never got the third.
	a = h.connect("one", 3, word(works[0], 2, running))
	if ack := take(a, a.acks); ack.GetBuild() != works[0].GetBuild() || ack.GetVersion() != 2 {
		t.Errorf("acknowledged %v", ack)
	}
	got := map[string]int32{}
	for range 2 {
		w := take(a, a.works)
		got[w.GetBuild()] = w.GetAttempt()
	}
	if got["shop-000002"] != 2 || got["shop-000003"] != 1 {
		t.Errorf("work and attempts %v; want the second again as a new attempt, the third as the same", got)
	}
	a.update(word(works[1], 9, succeeded)) // its own older attempt
	if c := take(a, a.cancels); !c.GetForget() || c.GetAttempt() != 1 {
		t.Errorf("an older attempt was answered with %v", c)
	}
	if b := h.build("shop-000002"); b.Attempt != 2 || b.State != state.Assigned {
		t.Errorf("after an older attempt spoke the build is %+v", b)
	}
	if b := h.build("shop-000001"); b.Attempt != 1 || b.State != state.Running {
		t.Errorf("what it holds became %+v", b)
	}
	a.nothingElse()
}

func TestAnAgentThatComesBackWithNothing(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	const many = 150
	a := h.connect("one", many)
	for n := range int64(many) {
		h.put(queued("shop", n+1).Put())
	}
	for range many {
		a.update(word(take(a, a.works), 1, running))
	}
	for range many {
		take(a, a.acks)
	}
	a.leave()
	a = h.connect("one", many)
	for range many {
		if w := take(a, a.works); w.GetAttempt() != 2 {
			t.Errorf("work %v, want attempt 2", w)
		}
	}
}

func TestOneNameTwoSessions(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	old := h.connect("one", 1)
	fresh := h.connect("one", 1)
	h.queue("shop", 1)
	take(fresh, fresh.works)
	old.heartbeat()
	if old.refused() == nil {
		t.Error("the older session of an agent goes on")
	}
	h.store.Read(func(f *state.Facts) {
		if f.Agents["one"] == nil {
			t.Error("the agent went with its older session")
		}
	})
	fresh.nothingElse()
}

func TestFarewell(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	idle, busy := h.connect("idle", 1), h.connect("busy", 2)
	id := h.queue("shop", 1)
	take(busy, busy.works)
	for _, a := range []*agent{idle, busy} {
		if err := a.stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		_ = a.refused()
	}
	h.until("the idle agent is gone", func(f *state.Facts) bool { return f.Agents["idle"] == nil })
	h.store.Read(func(f *state.Facts) {
		if f.Agents["busy"] == nil || f.Builds[id].State != state.Assigned {
			t.Error("an agent that left with a build in its hands is not waited for")
		}
	})
}
