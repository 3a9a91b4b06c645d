package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// answered is what Holdings gave.
type answered struct {
	held []state.Held
	err  error
}

func (h *house) holdings(ctx context.Context) <-chan answered {
	done := make(chan answered, 1)
	go func() {
		held, err := h.d.Holdings(ctx, state.Place{Agent: "one", Kind: "cloud", Provider: "process"})
		done <- answered{held, err}
	}()
	return done
}

func (a *agent) holds(h *agentv1.Holdings) {
	a.h.Helper()
	a.say(&agentv1.FromAgent{Message: &agentv1.FromAgent_Holdings{Holdings: h}})
}

func holding(tokens ...string) (all []*agentv1.Holding) {
	for _, t := range tokens {
		all = append(all, &agentv1.Holding{Token: t})
	}
	return all
}

func TestAnAgentIsAskedWhatAProviderHolds(t *testing.T) {
	h := open(t, time.Minute)
	if got := <-h.holdings(t.Context()); got.err == nil {
		t.Error("nobody is there, and yet there is an answer")
	}
	a := h.connect("one", 1)
	done := h.holdings(t.Context())
	r := take(a, a.reaps)
	if r.GetKind() != "cloud" || r.GetProvider() != "process" || len(r.GetEnd()) > 0 {
		t.Errorf("asked: %v", r)
	}
	a.holds(&agentv1.Holdings{Reap: "another", Error: "no"})
	a.holds(&agentv1.Holdings{Reap: r.GetId(), Holdings: holding("a", "b"), More: true})
	last := holding("c")
	last[0].Persistent, last[0].CreatedAt, last[0].Tags = true, timestamppb.New(time.Unix(7, 0)), map[string]string{"x": "y"}
	a.holds(&agentv1.Holdings{Reap: r.GetId(), Holdings: last})
	a.holds(&agentv1.Holdings{Reap: r.GetId(), Error: "said too late"})
	got := <-done
	if got.err != nil || len(got.held) != 3 || got.held[0].Token != "a" || !got.held[2].Persistent || got.held[2].CreatedAt.Unix() != 7 || got.held[2].Tags["x"] != "y" {
		t.Errorf("answered: %+v", got)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	h := open(t, time.Minute)
	for name, c := range map[string]struct {
		do   func(a *agent, r *agentv1.Reap, cancel func())
		want string
	}{
		"an error":         {func(a *agent, r *agentv1.Reap, _ func()) { a.holds(&agentv1.Holdings{Reap: r.GetId(), Error: "quota"}) }, "quota"},
		"the agent leaves": {func(a *agent, _ *agentv1.Reap, _ func()) { a.leave() }, "not connected"},
		"too late":         {func(_ *agent, _ *agentv1.Reap, cancel func()) { cancel() }, "canceled"},
		"far too much": {func(a *agent, r *agentv1.Reap, _ func()) {
			part := holding(strings.Split(strings.Repeat("x ", 50_000), " ")...)
			for range 3 {
				a.holds(&agentv1.Holdings{Reap: r.GetId(), Holdings: part, More: true})
			}
		}, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.connect("one", 1)
			defer a.leave()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := h.holdings(ctx)
			c.do(a, take(a, a.reaps), cancel)
			if got := <-done; got.err == nil || !strings.Contains(got.err.Error(), c.want) || got.held != nil {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAnAgentEndsWhatAProviderHolds(t *testing.T) {
	h := open(t, time.Minute)
	a := h.connect("one", 1)
	at := state.Place{Agent: "one", Kind: "dns", Provider: "hosts"}
	done := make(chan error, 1)
	go func() {
		failed, err := h.d.EndHoldings(t.Context(), at, []string{"a", "b"})
		if len(failed) != 1 || failed["b"] != "no" {
			err = errors.Join(err, fmt.Errorf("failed: %v", failed))
		}
		done <- err
	}()
	r := take(a, a.reaps)
	if len(r.GetEnd()) != 2 || r.GetKind() != "dns" {
		t.Errorf("asked: %v", r)
	}
	left := holding("b")
	left[0].Error = "no"
	a.holds(&agentv1.Holdings{Reap: r.GetId(), Holdings: left})
	if err := <-done; err != nil {
		t.Error(err)
	}
	if failed, err := h.d.EndHoldings(t.Context(), at, nil); err != nil || failed != nil {
		t.Errorf("nothing to end: %v, %v", failed, err)
	}
	a.nothingElse() // above all no question that would list
}

// doomed is an AppServer of an agent that waits for its end.
func doomed(agent string) *state.AppServer {
	return &state.AppServer{
		ID: "shop-000001.1", Instance: "shop", Number: 1, Agent: agent, State: state.Terminating, Provider: "openstack",
		DNS: &manifests.DNS{Provider: "bind", Domain: "shop.test"}, Databases: []manifests.Database{{Provider: "mysql", Name: "db"}},
		Operation: &state.Operation{ID: "op1", Doing: state.Terminate},
	}
}

func (h *house) connectWith(name string, plugins ...string) *agent {
	h.Helper()
	a := h.dial(name)
	a.say(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: &agentv1.Hello{Name: name, Slots: 1, Plugins: plugins}}})
	take(a, a.welcome)
	return a
}

// What waits for an agent that is gone is done by another one that has all the
// providers; by the agent itself as soon as it is back.
func TestDeputies(t *testing.T) {
	h := open(t, time.Minute)
	all := []string{"cloud/openstack 1.0", "dns/bind 1.0", "database/mysql", "balancer/haproxy 2"}
	h.put(doomed("gone").Put())
	poor := h.connectWith("a-poor", all[0], all[1], "database/mysql2 1.0")
	able := h.connectWith("able", all...)
	if op := take(able, able.operations); !op.GetDeputy() || op.GetId() != "op1" {
		t.Errorf("operation %v", op)
	}
	later := h.connectWith("b-later", all...)
	later.nothingElse()
	able.say(result("op1", "shop-000001.1", "process is one of its host", true))
	able.nothingElse()
	gone := h.connectWith("gone", all...)
	if op := take(gone, gone.operations); op.GetDeputy() {
		t.Errorf("its own operation: %v", op)
	}
	poor.nothingElse()
	select {
	case said := <-h.done:
		t.Errorf("what can only be done elsewhere counts as tried: %s", said)
	default:
	}
}

func result(id, server, why string, elsewhere bool) *agentv1.FromAgent {
	return &agentv1.FromAgent{Message: &agentv1.FromAgent_OperationResult{OperationResult: &agentv1.OperationResult{
		Id: id, Appserver: server, Error: why, Elsewhere: elsewhere,
	}}}
}

// A deputy that goes, too, is followed by the next one; the agent whose it was
// is gone as soon as its fact is, not before.
func TestDeputiesOfDeputies(t *testing.T) {
	h := open(t, time.Minute)
	all := []string{"cloud/openstack 1.0", "dns/bind 1.0", "database/mysql 1.0"}
	one, two, three := h.connectWith("one", all...), h.connectWith("two", all...), h.connectWith("three", all...)
	h.put(doomed("one").Put())
	take(one, one.operations)
	three.nothingElse()
	farewell(h, one)
	if op := take(three, three.operations); !op.GetDeputy() {
		t.Errorf("operation %v", op)
	}
	farewell(h, three)
	take(two, two.operations)
}

// farewell leaves in good order, and is gone.
func farewell(h *house, a *agent) {
	h.Helper()
	if err := a.stream.CloseSend(); err != nil {
		h.Fatal(err)
	}
	h.until(a.name+" is gone", func(f *state.Facts) bool { return f.Agents[a.name] == nil })
}
