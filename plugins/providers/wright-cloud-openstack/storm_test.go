package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// storm makes and deletes 30 servers at once while agents, their providers or both
// are killed ten times. A new agent runs beside what is left of the old one, at
// times on another machine. Nothing may be left.
func storm(t *testing.T, b *bench) {
	const tokens, kills = 30, 10
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := &weather{t: t, bench: b, rnd: rand.New(rand.NewPCG(seed, 0)), states: []string{b.state, t.TempDir()}}
	ctx, stop := context.WithTimeout(t.Context(), 25*time.Minute)
	defer stop()
	s.arrive(ctx)
	progress := make(chan struct{}, 2*tokens) // a value for each call that succeeded
	var work sync.WaitGroup
	for i := range tokens {
		spec := b.spec(fmt.Sprintf("storm-%d", i), map[string]any{"floating-ip": []string{"", "public"}[i%2]})
		work.Go(func() {
			s.persist(ctx, errand{Do: "create", Spec: spec})
			progress <- struct{}{}
			s.persist(ctx, errand{Do: "delete", Spec: spec})
			progress <- struct{}{}
		})
	}
	start := time.Now()
	for n := range kills {
		sleep(ctx, time.Duration(s.rnd.Int64N(int64(3*time.Second))))
		t.Logf("%v: kill %d: %s", time.Since(start).Round(time.Millisecond), n+1, s.strike(ctx, n))
		for range (2*tokens - 4) / kills { // the next one after some more calls
			select {
			case <-progress:
			case <-ctx.Done():
			}
		}
	}
	work.Wait()
	s.agent.Load().end()
	t.Logf("%d servers, %d kills, %d calls that failed meanwhile, %v", tokens, kills, s.failed.Load(), time.Since(start).Round(time.Second))
	if left := b.left(t, ctx); len(left) > 0 {
		t.Errorf("left are %d things:\n%s", len(left), strings.Join(left, "\n"))
	}
}

// weather kills.
type weather struct {
	*bench
	t      *testing.T
	rnd    *rand.Rand
	states []string // the directories of two machines
	agent  atomic.Pointer[agent]
	failed atomic.Int32
}

// strike kills somebody and says whom.
func (s *weather) strike(ctx context.Context, n int) string {
	whom := []string{"the provider", "the agent", "both"}[(n+s.rnd.IntN(2))%3]
	old := s.agent.Load()
	if whom != "the agent" {
		kill(pidsOf(s.binary))
	}
	if whom != "the provider" {
		_ = old.cmd.Process.Kill()
		s.arrive(ctx)
	}
	return whom
}

// arrive starts an agent on one of the machines.
func (s *weather) arrive(ctx context.Context) {
	s.state = s.states[s.rnd.IntN(len(s.states))]
	a, err := newAgent(ctx, s.bench)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.t.Cleanup(a.end)
	s.agent.Store(a)
}

// persist repeats a call until it succeeds, as a master does.
func (s *weather) persist(ctx context.Context, o errand) {
	for {
		err := s.agent.Load().call(ctx, o)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			s.t.Errorf("%s %s: %v", o.Do, o.Spec.Token, err)
			return
		}
		s.failed.Add(1)
		if code := plugins.CodeOf(err); code != plugins.Transient && !errors.Is(err, errDead) {
			s.t.Logf("%s %s: %v (code %q)", o.Do, o.Spec.Token, err, code)
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

func kill(pids []int) {
	for _, pid := range pids {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
}

// agent is a process with a host: this binary, see TestAgent.
type agent struct {
	cmd *exec.Cmd

	mu      sync.Mutex // guards all below
	in      io.WriteCloser
	waiting map[int]chan outcome // nil when the process is gone
	last    int
}

// errand is what an agent is asked to do, a line of JSON.
type errand struct {
	ID   int
	Do   string
	Spec cloud.Spec
}

// outcome is what came of it, a line, too.
type outcome struct {
	ID    int
	Error string
	Code  plugins.Code
}

var errDead = errors.New("the agent is gone")

const agentVariable = "WRIGHT_TEST_AGENT"

// upbringing is what an agent is told at its birth.
type upbringing struct {
	Binary, State, Installation string
	Settings                    map[string]any
}

func newAgent(ctx context.Context, b *bench) (*agent, error) {
	told, err := json.Marshal(upbringing{b.binary, b.state, b.installation, b.settings})
	if err != nil {
		return nil, err
	}
	a := &agent{cmd: exec.CommandContext(ctx, os.Args[0], "-test.run=^TestAgent$"), waiting: map[int]chan outcome{}}
	a.cmd.Env = append(os.Environ(), agentVariable+"="+string(told))
	out, err := a.cmd.StdoutPipe()
	if err == nil {
		a.in, err = a.cmd.StdinPipe()
	}
	if err == nil {
		err = a.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	go a.listen(out) // until the process is gone
	return a, nil
}

// end lets an agent go home.
func (a *agent) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.in.Close()
}

func (a *agent) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var got outcome
		if json.Unmarshal(lines.Bytes(), &got) != nil {
			continue // the testing package's own
		}
		a.mu.Lock()
		if w := a.waiting[got.ID]; w != nil {
			w <- got
		}
		a.mu.Unlock()
	}
	_ = a.cmd.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.waiting {
		close(w)
	}
	a.waiting = nil
}

func (a *agent) call(ctx context.Context, o errand) error {
	w := make(chan outcome, 1)
	a.mu.Lock()
	if a.waiting == nil {
		a.mu.Unlock()
		return errDead
	}
	a.last++
	o.ID = a.last
	a.waiting[o.ID] = w
	err := json.NewEncoder(a.in).Encode(o)
	a.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%w: %w", errDead, err)
	}
	select {
	case got, ok := <-w:
		switch {
		case !ok:
			return errDead
		case got.Error != "":
			return plugins.Errorf(got.Code, "%s", got.Error)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestAgent is no test but an agent of storm's.
func TestAgent(t *testing.T) {
	var told upbringing
	if json.Unmarshal([]byte(os.Getenv(agentVariable)), &told) != nil {
		t.Skip("it runs for TestOpenStack")
	}
	b := &bench{binary: told.Binary, state: told.State, installation: told.Installation, settings: told.Settings}
	b.open(t)
	defer func() { _ = b.host.Close() }()
	var mu sync.Mutex // guards the output
	answers := json.NewEncoder(os.Stdout)
	var work sync.WaitGroup
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var o errand
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		work.Go(func() {
			got := outcome{ID: o.ID}
			if err := b.carryOut(t.Context(), o); err != nil {
				got.Error, got.Code = err.Error(), plugins.CodeOf(err)
			}
			mu.Lock()
			defer mu.Unlock()
			_ = answers.Encode(got)
		})
	}
	work.Wait()
}

func (b *bench) carryOut(ctx context.Context, o errand) error {
	if o.Do == "delete" {
		return b.Delete(ctx, o.Spec.Token)
	}
	_, err := b.Create(ctx, o.Spec)
	return err
}
