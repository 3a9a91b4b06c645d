package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wright-build/wright/agent/way"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// fleetSets is how many sets of capabilities the agents of BenchmarkFleet offer,
// and instances require.
const fleetSets = 20

// BenchmarkFleet is what a master costs with so many agents, each with a connection
// of its own: memory and processor at rest, and processor for each build. The agents
// are simulated: they say that a build has succeeded as soon as they have it.
func BenchmarkFleet(b *testing.B) {
	for _, agents := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprintf("agents=%d", agents), func(b *testing.B) {
			for b.Loop() {
				withFleet(b, agents)
			}
		})
	}
}

func withFleet(b *testing.B, agents int) {
	h := wrighttest.New(b)
	for n := range fleetSets {
		h.Write(fmt.Sprintf("set-%d", n), fmt.Sprintf("build-requires = [\"linux\", \"set = %d.0\"]\n%s", n, noop))
	}
	master := h.Master()
	empty, _ := master.Memory()
	f := newFleet(b, agents, master.Ready)
	defer f.end()
	f.await("all agents", f.complete)
	now := f.rest(master)
	b.ReportMetric(float64(now-empty)/1e3/float64(agents), "kB/agent")

	const each = 200
	before := master.CPU()
	began := time.Now()
	for n := range fleetSets {
		h.Run("build", "start", fmt.Sprintf("set-%d", n), "--count", fmt.Sprint(each))
	}
	f.await("all builds", func() bool { return f.built.Load() == fleetSets*each })
	b.ReportMetric((master.CPU()-before).Seconds()/(fleetSets*each)*1e6, "cpu-µs/build")
	b.ReportMetric(fleetSets*each/time.Since(began).Seconds(), "builds/s")

	b.ReportMetric(f.pick(h), "alone-ms")
	now, _ = master.Memory()
	b.ReportMetric(float64(now)/1e6, "after-MB")
}

// BenchmarkFleetMoves is how long a new leader takes to have all agents of a
// leader that was killed, what that costs it, and how often they ask in vain.
func BenchmarkFleetMoves(b *testing.B) {
	for b.Loop() {
		h := wrighttest.New(b)
		c := h.Cluster(3, "--leader-lease", "3s")
		h.Manifest("noop", noop)
		first := c.Leader()
		f := newFleet(b, 1000, strings.Join([]string{c.Address(0), c.Address(1), c.Address(2)}, ","))
		f.await("all agents", f.complete)
		tries := f.tries.Load()
		c.Master(first).Kill()
		began := time.Now()
		f.there.Store(0)
		for n := range f.known {
			f.known[n].Store(false)
		}
		next := c.Leader(first)
		led := time.Since(began)
		leader := c.Master(next)
		f.await("all agents at the new leader", f.complete)
		b.ReportMetric((time.Since(began) - led).Seconds(), "s-to-move")
		b.ReportMetric(led.Seconds(), "s-to-lead")
		b.ReportMetric(float64(f.tries.Load()-tries)/float64(len(f.known)), "tries/agent")
		b.ReportMetric(leader.CPU().Seconds(), "leader-cpu-s")
		f.rest(leader)
		f.end()
		h.StopAll()
	}
}

// fleet are simulated agents.
type fleet struct {
	b         *testing.B
	addresses string
	stop      context.CancelFunc
	all       sync.WaitGroup
	known     []atomic.Bool // which have been welcomed
	there     atomic.Int64
	tries     atomic.Int64
	built     atomic.Int64
}

// newFleet has so many agents look for the master that leads.
func newFleet(b *testing.B, agents int, addresses string) *fleet {
	f := &fleet{b: b, known: make([]atomic.Bool, agents), addresses: addresses}
	ctx, stop := context.WithCancel(b.Context())
	f.stop = stop
	for n := range agents {
		f.all.Go(func() { f.serve(ctx, n) })
	}
	return f
}

func (f *fleet) end() {
	f.stop()
	f.all.Wait()
}

func (f *fleet) complete() bool { return int(f.there.Load()) == len(f.known) }

func (f *fleet) await(what string, holds func() bool) {
	f.b.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for late := time.Now().Add(5 * time.Minute); !holds(); <-look.C {
		if time.Now().After(late) {
			f.b.Fatalf("waited in vain for %s: %d agents are there", what, f.there.Load())
		}
	}
}

// rest reports what a master costs to which all are connected, without any build,
// and returns its memory.
func (f *fleet) rest(master *wrighttest.Process) (bytes int64) {
	const rest = 30 * time.Second // three heartbeats
	before := master.CPU()
	<-time.After(rest)
	f.b.ReportMetric((master.CPU()-before).Seconds()/rest.Seconds()*100, "idle-%")
	bytes, _ = master.Memory()
	f.b.ReportMetric(float64(bytes)/1e6, "master-MB")
	return bytes
}

// pick is the middle of how long it takes from asking for a build to an agent
// having it, in milliseconds.
func (f *fleet) pick(h *wrighttest.House) float64 {
	var took []time.Duration
	for n := range 50 {
		before := f.built.Load()
		began := time.Now()
		h.Start(fmt.Sprintf("set-%d", n%fleetSets))
		look := time.NewTicker(100 * time.Microsecond)
		for f.built.Load() == before {
			<-look.C
		}
		look.Stop()
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2].Seconds() * 1000
}

// serve is one agent, which goes about finding its master as real ones do.
func (f *fleet) serve(ctx context.Context, n int) {
	w, err := way.New(f.addresses, "")
	if err != nil {
		f.b.Error(err)
		return
	}
	defer w.Close()
	client := agentv1.NewAgentsClient(w)
	err = w.Keep(ctx, slog.New(slog.DiscardHandler), func(ctx context.Context) error {
		f.tries.Add(1)
		s, err := client.Session(ctx)
		if err == nil {
			err = way.Explained(s, f.converse(s, n))
		}
		return err
	})
	if err != nil {
		f.b.Error(err)
	}
}

func (f *fleet) converse(s grpc.BidiStreamingClient[agentv1.FromAgent, agentv1.FromMaster], n int) error {
	hello := &agentv1.Hello{
		Name: fmt.Sprintf("agent-%04d", n), Slots: 4, Version: "simulated",
		Capabilities: []string{"linux", "amd64", "git 2.39.5", fmt.Sprintf("set %d.0", n%fleetSets), fmt.Sprintf("set %d.0", (n+10)%fleetSets)},
	}
	if err := s.Send(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: hello}}); err != nil {
		return err
	}
	words := make(chan *agentv1.FromMaster, 16)
	var heard error
	f.all.Go(func() {
		defer close(words)
		for {
			m, err := s.Recv()
			if err != nil {
				heard = err
				return
			}
			words <- m
		}
	})
	beat := time.NewTicker(10 * time.Second)
	defer beat.Stop()
	for {
		var say *agentv1.FromAgent
		select {
		case m, ok := <-words:
			if !ok {
				return heard
			}
			if say = f.hear(n, m); say == nil {
				continue
			}
		case <-beat.C:
			say = &agentv1.FromAgent{Message: &agentv1.FromAgent_Heartbeat{Heartbeat: &agentv1.Heartbeat{}}}
		}
		if err := s.Send(say); err != nil {
			return err
		}
	}
}

// hear carries out what the master says.
func (f *fleet) hear(n int, m *agentv1.FromMaster) (say *agentv1.FromAgent) {
	if m.GetWelcome() != nil && !f.known[n].Swap(true) {
		f.there.Add(1)
	}
	w := m.GetWork()
	if w == nil {
		return nil
	}
	f.built.Add(1)
	now := timestamppb.Now()
	return &agentv1.FromAgent{Message: &agentv1.FromAgent_Updates{Updates: &agentv1.Updates{Updates: []*agentv1.Update{{
		Build: w.GetBuild(), Attempt: w.GetAttempt(), Version: 1, State: agentv1.State_STATE_SUCCEEDED, StartedAt: now, FinishedAt: now,
	}}}}}
}
