package dispatch_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

const served = plain + "[appserver]\ncloud = \"process\"\n"

// up is an update that says how far the AppServer is.
func up(w *agentv1.Work, version int64, healthy bool) *agentv1.Update {
	u := word(w, version, running)
	u.Server = &agentv1.Server{Spawned: true, Healthy: healthy, Address: "127.1.2.3", Port: 80}
	return u
}

func (h *house) connectCloud(name string) *agent {
	h.Helper()
	a := h.dial(name)
	a.say(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: &agentv1.Hello{Name: name, Slots: 9, Plugins: []string{"cloud/process 0.1.0"}}}})
	take(a, a.welcome)
	return a
}

func (h *house) server(id string) *state.AppServer {
	var a *state.AppServer
	h.store.Read(func(f *state.Facts) { a = f.AppServers[id] })
	if a == nil {
		h.Fatalf("AppServer %s is not there", id)
	}
	return a
}

func TestAnAppServerComesUpAndIsSettled(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", served)
	a := h.connectCloud("one")
	w := a.begin(1)
	const id = "shop-000001.1"
	if s := h.server(id); w.GetAppserver().GetId() != id || s.State != state.Planned || s.Agent != "one" {
		t.Fatalf("work %v; planned %+v", w, s)
	}
	a.tell(word(w, 1, running))
	planned := h.server(id).Rev
	a.tell(word(w, 2, running))
	if h.server(id).Rev != planned {
		t.Error("an AppServer of which nothing was said is written again")
	}
	a.tell(up(w, 3, false))
	if s := h.server(id); s.State != state.Spawned || s.Address != "127.1.2.3:80" {
		t.Errorf("spawned: %+v", s)
	}
	a.tell(up(w, 4, true))
	if s := h.server(id); s.State != state.Healthy {
		t.Errorf("healthy: %+v", s)
	}
	a.nothingElse() // nobody has decided yet
	h.put((&state.Active{Instance: "shop", AppServer: id, Highest: 1}).Put())
	if s := take(a, a.settled); s.GetBuild() != w.GetBuild() || s.GetOutcome() != agentv1.Outcome_OUTCOME_ACTIVATED {
		t.Errorf("settled %v", s)
	}
	h.change(func(f *state.Facts) state.Write { s := *f.AppServers[id]; s.Keep++; return s.Put() })
	a.nothingElse() // once per session
	a.leave()
	a = h.connect("one", 9, up(w, 5, true))
	take(a, a.acks)
	take(a, a.settled)
	end := up(w, 6, true)
	end.State = succeeded
	a.tell(end)
	if s := h.server(id); !s.Good || s.State != state.Healthy {
		t.Errorf("after its build succeeded: %+v", s)
	}
	a.nothingElse()
}

// What the end of a build means for its AppServer.
func TestTheEndOfABuildAndItsAppServer(t *testing.T) {
	for name, c := range map[string]struct {
		healthy, active bool
		end             agentv1.State
		want            state.AppServerState
		good            bool
	}{
		"all is well":                {true, true, succeeded, state.Healthy, true},
		"standing by":                {true, false, succeeded, state.Healthy, true},
		"failed":                     {true, false, failed, state.Terminating, false},
		"failed but active by now":   {true, true, failed, state.Healthy, true},
		"cancelled before it was up": {false, false, cancelled, state.Terminating, false},
		"never up, and yet success":  {false, false, succeeded, state.Terminating, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, time.Minute)
			h.manifest("shop", served)
			a := h.connectCloud("one")
			w := a.begin(1)
			a.tell(up(w, 1, c.healthy))
			if c.active {
				h.put((&state.Active{Instance: "shop", AppServer: "shop-000001.1", Highest: 1}).Put())
			}
			a.tell(word(w, 2, c.end))
			if s := h.server("shop-000001.1"); s.State != c.want || s.Good != c.good {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestALostAttemptsAppServerIsDoomed(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", served)
	a := h.connectCloud("one")
	w := a.begin(1)
	a.tell(up(w, 1, false))
	a.leave()
	a = h.connectCloud("one")
	if w := take(a, a.works); w.GetAttempt() != 2 || w.GetAppserver().GetId() != "shop-000001.2" {
		t.Errorf("work %v", w)
	}
	if first, second := h.server("shop-000001.1"), h.server("shop-000001.2"); first.State != state.Terminating || second.State != state.Planned {
		t.Errorf("the first is %s, the second %s", first.State, second.State)
	}
}

func TestOperationsAreSentOncePerSession(t *testing.T) {
	h := open(t, time.Minute)
	a := h.connect("one", 1)
	h.put((&state.AppServer{
		ID: "shop-000001.1", Instance: "shop", Number: 1, Agent: "one", State: state.Terminating, Provider: "process",
		Operation: &state.Operation{ID: "op1", Doing: state.Terminate},
	}).Put())
	if op := take(a, a.operations); op.GetId() != "op1" || op.GetKind() != agentv1.Operation_KIND_TERMINATE || op.GetCloud() != "process" {
		t.Errorf("operation %v", op)
	}
	touch := func(change func(*state.AppServer)) {
		h.change(func(f *state.Facts) state.Write {
			s := *f.AppServers["shop-000001.1"]
			change(&s)
			return s.Put()
		})
	}
	touch(func(s *state.AppServer) { s.Keep++ })
	a.nothingElse()
	a.leave()
	a = h.connect("one", 1)
	take(a, a.operations)
	result := func(why string) *agentv1.FromAgent {
		return &agentv1.FromAgent{Message: &agentv1.FromAgent_OperationResult{
			OperationResult: &agentv1.OperationResult{Id: "op1", Appserver: "shop-000001.1", Error: why},
		}}
	}
	a.say(result("no"))
	a.say(result(""))
	for _, want := range []string{"shop-000001.1 op1: no", "shop-000001.1 op1: "} {
		if got := take(a, h.done); got != want {
			t.Errorf("was told %q, want %q", got, want)
		}
	}
	touch(func(s *state.AppServer) {
		s.Operation = &state.Operation{ID: "op1", Doing: state.Terminate, Tries: 1, Error: "no"}
	})
	a.nothingElse()
	a.leave()
	a = h.connect("one", 1) // a failed one waits for its repetition
	a.nothingElse()
	touch(func(s *state.AppServer) { s.Operation = &state.Operation{ID: "op2", Doing: state.Terminate, Tries: 1} })
	if op := take(a, a.operations); op.GetId() != "op2" {
		t.Errorf("operation %v", op)
	}
	touch(func(s *state.AppServer) {
		s.Operation = &state.Operation{ID: "op2", Doing: state.Terminate, Done: true}
	})
	other := h.connect("two", 1)
	other.nothingElse()
	a.nothingElse()
}

// stream opens the output stream and returns what sends a chunk and hears the answer.
func (h *house) stream() func(c *agentv1.LogChunk) *agentv1.LogAck {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), patience)
	s, err := h.api().Logs(ctx, grpc.MaxCallSendMsgSize(8<<20))
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(cancel)
	return func(c *agentv1.LogChunk) *agentv1.LogAck {
		h.Helper()
		if err := s.Send(c); err != nil {
			h.Fatal(err)
		}
		ack, err := s.Recv()
		if err != nil {
			h.Fatal(err)
		}
		return ack
	}
}

func TestOutput(t *testing.T) {
	h := open(t, time.Minute)
	h.manifest("shop", plain)
	a := h.connect("one", 2)
	w := a.begin(1)
	say := h.stream()
	chunk := func(offset int64, data string, end bool) *agentv1.LogChunk {
		return &agentv1.LogChunk{Build: w.GetBuild(), Attempt: 1, Part: 1, Name: "test", Offset: offset, Data: []byte(data), End: end}
	}
	for _, c := range []struct {
		name                   string
		say                    *agentv1.LogChunk
		size                   int64
		rewind, ended, refused bool
	}{
		{"the first", chunk(0, "abc", false), 3, false, false, false},
		{"a gap", chunk(5, "fgh", false), 3, true, false, false},
		{"repeated", chunk(0, "abc", false), 3, false, false, false},
		{"overlapping", chunk(2, "cdef", false), 6, false, false, false},
		{"the end", chunk(6, "g", true), 7, false, true, false},
		{"the end again", chunk(6, "g", true), 7, false, true, false},
		{"after the end", chunk(7, "h", false), 7, false, true, false},
		{"another attempt", &agentv1.LogChunk{Build: w.GetBuild(), Attempt: 2, Part: 1, Data: []byte("x")}, 0, false, false, true},
		{"another build", &agentv1.LogChunk{Build: "shop-000009", Attempt: 1, Part: 1, Data: []byte("x")}, 0, false, false, true},
		{"a path", &agentv1.LogChunk{Build: "../x", Attempt: 1, Part: 1, Data: []byte("x")}, 0, false, false, true},
		{"before the beginning", chunk(-1, "x", false), 0, false, false, true},
		{"too much", &agentv1.LogChunk{Build: w.GetBuild(), Attempt: 1, Part: 2, Data: make([]byte, 2<<20)}, 0, false, false, true},
	} {
		ack := say(c.say)
		if ack.GetSize() != c.size || ack.GetRewind() != c.rewind || ack.GetEnded() != c.ended || ack.GetRefused() != c.refused {
			t.Errorf("%s was answered with %v", c.name, ack)
		}
	}
	a.tell(word(w, 1, succeeded))
	if ack := say(chunk(7, "late", false)); !ack.GetRefused() {
		t.Errorf("output of a build that has ended was answered with %v", ack)
	}
	var got bytes.Buffer
	err := h.output.Copy(t.Context(), logs.Attempt{Instance: "shop", Build: w.GetBuild(), Attempt: 1}, nil, nil,
		func(_ logs.Part, data []byte) error { got.Write(data); return nil })
	if err != nil || got.String() != "abcdefg" {
		t.Errorf("kept %q, %v", got.String(), err)
	}
}
