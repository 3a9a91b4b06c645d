package dispatch

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// TestProvidersReachTheAgent: what a manifest says of its providers is in the
// work, and what an AppServer was planned with in each operation on it.
func TestProvidersReachTheAgent(t *testing.T) {
	m := &manifests.Manifest{
		AppServer: &manifests.AppServer{Cloud: "process"},
		DNS:       &manifests.DNS{Provider: "hosts", Domain: "shop.test", Config: map[string]any{"a": int64(1)}},
		Balancer:  &manifests.Balancer{Provider: "haproxy", Name: "shop.test", Config: map[string]any{"b": "c"}},
		Runner:    &manifests.Runner{Provider: "local", Config: map[string]any{"d": true}},
		Databases: []manifests.Database{{Provider: "sqlite", Name: "shop"}},
	}
	b := &state.Build{ID: "shop-000001", Instance: "shop", Number: 1, Attempt: 1}
	dns := &agentv1.DNS{Provider: "hosts", Domain: "shop.test", Ttl: durationpb.New(0), Config: structOf(m.DNS.Config)}
	balancer := &agentv1.Balancer{Provider: "haproxy", Name: "shop.test", Config: structOf(m.Balancer.Config)}
	runner := &agentv1.Runner{Provider: "local", Config: structOf(m.Runner.Config)}
	w := workOf(b, m)
	if !proto.Equal(w.GetDns(), dns) || !proto.Equal(w.GetBalancer(), balancer) || !proto.Equal(w.GetRunner(), runner) {
		t.Errorf("work: %v, %v, %v", w.GetDns(), w.GetBalancer(), w.GetRunner())
	}
	for doing, databases := range map[state.Doing]int{state.Activate: 0, state.Deactivate: 0, state.Terminate: 1} {
		a := state.Plan(b, m, b.QueuedAt)
		a.Operation = &state.Operation{ID: "op", Doing: doing}
		op := operationOf(&a)
		if !proto.Equal(op.GetDns(), dns) || !proto.Equal(op.GetBalancer(), balancer) || len(op.GetDatabases()) != databases {
			t.Errorf("%s: %v", doing, op)
		}
	}
	bare := workOf(b, &manifests.Manifest{})
	if bare.GetDns() != nil || bare.GetBalancer() != nil || bare.GetRunner() != nil {
		t.Errorf("of a manifest without providers: %v", bare)
	}
}
