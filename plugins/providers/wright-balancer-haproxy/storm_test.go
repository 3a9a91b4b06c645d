package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/conformance"
	"github.com/wright-build/wright/plugins/host"
)

// TestStorm: two agents set, replace and delete routes while their providers are
// killed ten times. Meanwhile every configuration that HAProxy could be started
// with is valid, and a route that nobody touches answers. At the end nothing is
// left, and nothing half-written ever was.
func TestStorm(t *testing.T) {
	names, kills := 8, 4
	if os.Getenv("WRIGHT_TEST_HEAVY") != "" {
		names, kills = 40, 10
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := newBench(t, nil)
	steady := newApp(t, "steady")
	b.set(t, "steady.test", steady.Target)
	agents := newAgents(t, b)

	watching, unwatch := context.WithCancel(t.Context())
	var watchers, work sync.WaitGroup
	var valid, answered atomic.Int64
	watchers.Go(func() { b.watchFiles(watching, t, &valid) })
	watchers.Go(func() { b.watchRoute(watching, t, &answered) })
	var failed atomic.Int64
	progress := make(chan struct{}, 4*names)
	for i := range names {
		work.Go(func() {
			persist(t, agents, i, &failed, progress)
		})
	}
	for range kills {
		for range 3 * names / kills / 2 {
			<-progress
		}
		timer := time.NewTimer(time.Duration(rnd.Int64N(int64(300 * time.Millisecond))))
		<-timer.C
		first := rnd.IntN(len(agents))
		for k := 0; !agents[(first+k)%len(agents)].kill(t); k++ {
			runtime.Gosched() // one of them is being started again
		}
	}
	work.Wait()
	unwatch()
	watchers.Wait()
	t.Logf("%d routes, %d kills, %d calls that failed meanwhile; %d configurations looked at, %d requests answered", names, kills, failed.Load(), valid.Load(), answered.Load())
	if files := b.files(t); len(files) != 1 || files[0] != "wright-steady.test.cfg" {
		t.Errorf("left are %v", files)
	}
	b.nothingServed(t, names)
}

// agent is a host and its provider.
type agent struct {
	*host.Host
	balancer.Provider
}

func newAgents(t *testing.T, b *bench) []agent {
	binary := conformance.Build(t, ".")
	var list []agent
	for range 2 {
		h := host.New(host.Config{
			Dirs: []string{filepath.Dir(binary)}, StateDir: t.TempDir(), Installation: "me",
			Providers: map[string]map[string]any{"balancer-haproxy": settingsOf(b.lab)},
		})
		t.Cleanup(func() { _ = h.Close() })
		p, err := h.Balancer(t.Context(), "haproxy")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, agent{h, p})
	}
	return list
}

// kill says whether there was somebody to kill.
func (a agent) kill(t *testing.T) bool {
	for _, i := range a.Plugins() {
		if i.PID > 0 && syscall.Kill(i.PID, syscall.SIGKILL) == nil {
			t.Logf("killed %d", i.PID)
			return true
		}
	}
	return false
}

// persist sets, replaces and deletes a route, each until it works, as a master does.
func persist(t *testing.T, agents []agent, i int, failed *atomic.Int64, progress chan<- struct{}) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	name := stormName(i)
	for step := range 3 {
		for try := 0; ; try++ {
			a := agents[(i+try)%len(agents)]
			var err error
			if step < 2 {
				err = a.Set(ctx, specOf(name, balancer.Target{Address: "127.0.0.1", Port: 1 + step}))
			} else {
				err = a.Delete(ctx, name, specOf(name).Tags)
			}
			if err == nil {
				break
			}
			failed.Add(1)
			if plugins.CodeOf(err) != plugins.Transient {
				t.Errorf("step %d of %s: %v", step, name, err)
				break
			}
		}
		progress <- struct{}{}
	}
}

func stormName(i int) string { return fmt.Sprintf("storm%d.test", i) }

// watchFiles starts HAProxy's check over and over, as somebody would who starts it now.
func (b *bench) watchFiles(ctx context.Context, t *testing.T, n *atomic.Int64) {
	dir := b.lab.Env["HAPROXY_FRAGMENTS"]
	for ctx.Err() == nil {
		before, _ := filepath.Glob(filepath.Join(dir, "*.cfg"))
		for _, path := range before {
			if text, err := os.ReadFile(path); err == nil && (!bytes.HasSuffix(text, []byte("\n")) || !bytes.Contains(text, []byte("  server w"))) {
				t.Errorf("half-written: %s holds %q", path, text)
			}
		}
		out, err := exec.Command(b.lab.Env["HAPROXY_PROGRAM"], "-c", "-f", b.lab.Env["HAPROXY_CONFIG"], "-f", dir).CombinedOutput()
		// A file that goes between its listing and its opening is HAProxy's own race.
		if err != nil && !strings.Contains(string(out), "Could not open configuration file") && !strings.Contains(string(out), "No such file") {
			t.Errorf("no valid configuration: %v: %s", err, out)
		}
		n.Add(1)
	}
}

// watchRoute asks for the route that nobody touches.
func (b *bench) watchRoute(ctx context.Context, t *testing.T, n *atomic.Int64) {
	for ctx.Err() == nil {
		b.ask(t, "steady.test", "200 steady")
		n.Add(1)
	}
}

// nothingServed looks whether HAProxy itself still knows a route.
func (b *bench) nothingServed(t *testing.T, names int) {
	m := b.desk.works().master
	p, err := m.processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		if _, there, err := m.servers(t.Context(), p.current, backendOf(stormName(i))); err != nil || there {
			t.Errorf("%s is served: %v, %v", stormName(i), there, err)
		}
	}
}
