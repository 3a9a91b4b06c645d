// Package cloudtest holds the test of cloud providers that the conformance suite
// cannot have, because somebody must look at the cloud itself afterwards: many
// servers that come and go while the providers of several agents are killed. It
// knows none of the providers.
package cloudtest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/host"
)

// Subject is a provider whose cloud runs.
type Subject struct {
	Dir      string // where the binary is
	Name     string // of the provider
	Settings map[string]any
	Config   map[string]any // of the servers
	Servers  int            // that are made and deleted
	AtOnce   int            // 0 is all
	Kills    int

	// Made looks at a server before it is deleted; it may be nil.
	Made func(t testing.TB, s *cloud.Server)
}

// Env is what every server is given.
func Env() map[string]string { return map[string]string{"A": "it's\na line"} }

const agents, patience = 3, 15 * time.Minute

// Storm makes and deletes servers through three agents, which have nothing in
// common but the cloud, while their providers are killed. No two servers have an
// address at the same time, and at the end every agent lists nothing. That nothing
// is left of them at the cloud is for the caller to see.
func Storm(t *testing.T, s Subject) {
	w := &weather{Subject: s, tags: map[string]string{plugins.InstallationTag: "storm"}}
	for range agents {
		w.arrive(t)
	}
	start := time.Now()
	tokens := make(chan string, s.Servers)
	for i := range s.Servers {
		tokens <- fmt.Sprintf("storm-%d", i)
	}
	close(tokens)
	calls := make(chan struct{}, 2*s.Servers) // a value for each call that came to its end
	var work sync.WaitGroup
	for range cmp.Or(s.AtOnce, s.Servers) {
		work.Go(func() {
			for token := range tokens {
				w.live(t, token, calls)
			}
		})
	}
	for range s.Kills {
		for range (2*s.Servers - 2) / s.Kills { // the next one after some more calls
			<-calls
		}
		w.strike(t)
	}
	work.Wait()
	t.Logf("%d servers, %d kills, %d calls that failed meanwhile, %v", s.Servers, s.Kills, w.failed.Load(), time.Since(start).Round(time.Millisecond))
	for i, a := range w.agents {
		if list, err := a.List(t.Context(), w.tags); err != nil || len(list) > 0 {
			t.Errorf("agent %d lists %v, %v", i, list, err)
		}
		_ = a.host.Close()
	}
}

// weather kills.
type weather struct {
	Subject
	tags   map[string]string
	agents []agent
	held   sync.Map // address -> token: who has it now
	failed atomic.Int64
}

// agent is a host with the provider.
type agent struct {
	cloud.Provider
	host *host.Host
}

func (w *weather) arrive(t *testing.T) {
	t.Helper()
	h := host.New(host.Config{
		Dirs: []string{w.Dir}, StateDir: t.TempDir(), Installation: "storm",
		Providers: map[string]map[string]any{"cloud-" + w.Name: w.Settings},
	})
	t.Cleanup(func() { _ = h.Close() })
	p, err := h.Cloud(t.Context(), w.Name)
	if err != nil {
		t.Fatal(err)
	}
	w.agents = append(w.agents, agent{p, h})
}

// live makes and deletes a server.
func (w *weather) live(t *testing.T, token string, calls chan<- struct{}) {
	defer func() { calls <- struct{}{} }()
	spec := cloud.Spec{Token: token, Name: "the " + token, Tags: w.tags, Env: Env(), Config: w.Config}
	var made *cloud.Server
	w.persist(t, "create "+token, func(ctx context.Context, p cloud.Provider) (err error) {
		made, err = p.Create(ctx, spec)
		return err
	})
	calls <- struct{}{}
	if made == nil {
		return
	}
	if other, taken := w.held.Swap(made.Address, token); taken {
		t.Errorf("%s has %s and so has %s", token, made.Address, other)
	}
	if w.Made != nil {
		w.Made(t, made)
	}
	w.held.Delete(made.Address)
	w.persist(t, "delete "+token, func(ctx context.Context, p cloud.Provider) error { return p.Delete(ctx, token) })
}

// persist repeats a call until it works, as a master does, each time through
// another agent.
func (w *weather) persist(t *testing.T, what string, call func(context.Context, cloud.Provider) error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for try := rand.IntN(agents); ; try++ {
		err := call(ctx, w.agents[try%agents])
		if err == nil {
			return
		}
		w.failed.Add(1)
		if code := plugins.CodeOf(err); code != plugins.Transient && code != plugins.Quota {
			t.Errorf("%s: %v", what, err)
			return
		}
	}
}

// strike kills the provider of some agent as the out-of-memory killer would.
func (w *weather) strike(t *testing.T) {
	for k := rand.IntN(agents); t.Context().Err() == nil; k++ {
		for _, i := range w.agents[k%agents].host.Plugins() {
			if i.PID > 0 && syscall.Kill(i.PID, syscall.SIGKILL) == nil {
				return
			}
		}
		runtime.Gosched() // all of them are being started again
	}
}
