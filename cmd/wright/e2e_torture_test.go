package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// Torture is as large as this, and lasts as long as WRIGHT_TORTURE says.
const (
	tortureMasters   = 3
	tortureMembers   = 3
	tortureAgents    = 4
	tortureInstances = 8
	tortureInFlight  = 200
)

// TestTorture kills, stops, cuts off, slows and restarts masters, agents and members
// of etcd at random while 200 builds are in flight, and counts what was lost: nothing
// may be. What was seen of builds meanwhile must fit one order. The seed that it
// prints makes the same choices again, if not the same timing.
func TestTorture(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("WRIGHT_TORTURE"))
	if err != nil {
		t.Skip("WRIGHT_TORTURE=5m says how long it is to last")
	}
	seed, err := strconv.ParseUint(os.Getenv("WRIGHT_TORTURE_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("WRIGHT_TORTURE_SEED=%d", seed)
	v := newVictim(t, rand.New(rand.NewPCG(seed, seed)))
	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	var all sync.WaitGroup
	all.Go(func() { v.feed(ctx) })
	for who := range onlookers {
		all.Go(func() { v.look(who, rand.New(rand.NewPCG(seed, uint64(who))), ctx.Done()) })
	}
	v.torment(ctx)
	v.heal()
	all.Wait()
	v.verify()
	nothingLeft(t, v.h, tortureAgents, tortureMembers+tortureMasters+2*tortureAgents) // each agent has a supervisor
	v.verifyHistory()
}

// victim is the installation under torture.
type victim struct {
	t      *testing.T
	h      *wrighttest.House
	etcd   *wrighttest.Etcd
	c      *wrighttest.Cluster
	random *rand.Rand // of torment alone
	ledger string     // what each step wrote down when it began and ended
	agents []*wrighttest.Process
	cuts   bool     // processes can be cut off
	mend   []func() // what makes good again what was done; by torment alone

	addresses []string // of the masters
	history   history

	mu      sync.Mutex // guards all below
	deeds   map[string]int
	ids     []string // builds that were acknowledged
	cancels map[string]bool
}

func newVictim(t *testing.T, random *rand.Rand) *victim {
	h := wrighttest.New(t)
	v := &victim{t: t, h: h, random: random, ledger: filepath.Join(h.Dir, "ledger"), deeds: map[string]int{}, cancels: map[string]bool{}, history: history{began: time.Now()}}
	if err := h.Network(); err != nil {
		t.Log("nobody is cut off:", err)
	} else {
		v.cuts = true
	}
	config := filepath.Join(h.Dir, "config.toml")
	text := fmt.Sprintf("[storage]\nurl = \"file://%s?create_dir=true\"\n", filepath.Join(h.Dir, "bucket"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	v.etcd = h.Etcd(tortureMembers)
	v.c = h.ClusterOver(v.etcd.Endpoints(), tortureMasters, "--agent-lease", "10s", "--config", config)
	v.c.Leader()
	for n := range tortureMasters {
		v.addresses = append(v.addresses, v.c.Address(n))
	}
	v.agents = make([]*wrighttest.Process, tortureAgents)
	for n := range v.agents {
		v.agents[n] = v.agent(n)
	}
	for n := range tortureInstances {
		h.Manifest(fmt.Sprintf("torture-%d", n), fmt.Sprintf("[[step]]\nname = \"count\"\nrun = '''\necho \"$WRIGHT_BUILD $WRIGHT_ATTEMPT begin\" >> %[1]s\n"+
			"for i in $(seq 1 %[2]d); do echo \"$WRIGHT_BUILD line $i\"; sleep 0.%[3]d; done\necho \"$WRIGHT_BUILD $WRIGHT_ATTEMPT end\" >> %[1]s\n'''\n", v.ledger, tortureLines, n+1))
	}
	return v
}

// tortureLines is what every build prints.
const tortureLines = 10

func (v *victim) agent(n int) *wrighttest.Process {
	return v.h.StartAgent(fmt.Sprintf("agent-%d", n), "--slots", strconv.Itoa(tortureInFlight/tortureAgents))
}

// live are the builds that have not ended.
func (v *victim) live() (all []view.Build, err error) {
	for _, state := range []string{"queued", "assigned", "running"} {
		some, err := wrighttest.Ask(v.h, func(ctx context.Context, c *client.Client) ([]view.Build, error) {
			return c.Builds(ctx, "", state, 5*tortureInFlight)
		})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// feed keeps so many builds in flight.
func (v *victim) feed(ctx context.Context) {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for n := 0; ; n++ {
		live, err := v.live()
		if missing := tortureInFlight - len(live); err == nil && missing > 0 {
			v.start(fmt.Sprintf("torture-%d", n%tortureInstances), min(missing, 50))
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

// start requests builds. What was not acknowledged may or may not have come to be.
func (v *victim) start(instance string, count int) {
	asked := time.Now()
	started, err := wrighttest.Ask(v.h, func(ctx context.Context, c *client.Client) ([]view.Build, error) {
		return c.StartBuilds(ctx, client.Start{Instance: instance}, count)
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.deeds["request not acknowledged"]++
	}
	for _, b := range started {
		v.ids = append(v.ids, b.ID)
		v.history.add(onlookers, asked, b, true)
	}
}

// maxBroken is how many processes suffer at the same time.
const maxBroken = 3

// torment does something to somebody every now and then, until ctx ends.
func (v *victim) torment(ctx context.Context) {
	for {
		t := time.NewTimer(100*time.Millisecond + time.Duration(v.random.Int64N(int64(1500*time.Millisecond))))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		if n := len(v.mend); n == maxBroken || n > 0 && v.random.IntN(2) == 0 {
			v.repair(v.random.IntN(n))
			continue
		}
		switch n := v.random.IntN(tortureMasters + tortureAgents + tortureMembers); {
		case n < tortureMasters:
			v.hurt("master", n, v.c.Master(n), func() { v.c.Again(n) })
		case n < tortureMasters+tortureAgents:
			n -= tortureMasters
			v.hurt("agent", n, v.agents[n], func() { v.agents[n] = v.agent(n) })
		default:
			n -= tortureMasters + tortureAgents
			v.hurt("member of etcd", n, v.etcd.Member(n), func() { v.etcd.Start(n) })
		}
	}
}

// tortureRate is that of a slowed network: what waits in it a second is lost.
const tortureRate = "512kbit"

// hurt kills a process, lets it sleep, stops it in good order, or spoils its
// network, unless it suffers already.
func (v *victim) hurt(kind string, n int, p *wrighttest.Process, again func()) {
	if p.Suffers() {
		return
	}
	deeds := []string{"kill", "kill", "sleep", "stop"}
	if v.cuts {
		deeds = append(deeds, "cut off", "cut off", "slow")
	}
	deed := deeds[v.random.IntN(len(deeds))]
	v.note(deed + " " + kind)
	v.t.Logf("%s %s %s-%d", time.Now().UTC().Format("15:04:05.000"), deed, kind, n)
	switch deed {
	case "kill":
		p.Kill()
	case "stop":
		p.Stop()
	case "sleep":
		p.Sleep()
		again = p.Wake
	case "cut off":
		p.Cut()
		again = p.Join
	case "slow":
		p.Slow(tortureRate)
		again = p.Quicken
	}
	v.mend = append(v.mend, again)
}

func (v *victim) note(deed string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deeds[deed]++
}

func (v *victim) repair(n int) {
	v.mend[n]()
	v.mend = slices.Delete(v.mend, n, n+1)
}

// heal makes everything good again.
func (v *victim) heal() {
	for len(v.mend) > 0 {
		v.repair(0)
	}
}

// verify counts what was lost.
func (v *victim) verify() {
	began := time.Now()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for late := began.Add(5 * time.Minute); ; <-again.C {
		live, err := v.live()
		if err == nil && len(live) == 0 {
			break
		}
		if time.Now().After(late) {
			v.t.Fatalf("%d builds do not end, such as %+v; %v", len(live), live[:min(3, len(live))], err)
		}
	}
	states, attempts := map[string]int{}, 0
	runs := v.runs()
	for _, id := range v.ids {
		b, err := wrighttest.Ask(v.h, func(ctx context.Context, c *client.Client) (view.Build, error) { return c.Build(ctx, id) })
		if err != nil {
			v.t.Errorf("build %s, which was acknowledged: %v", id, err)
			continue
		}
		states[b.State]++
		attempts += b.Attempt
		v.judge(b, runs)
	}
	for run, n := range runs {
		if n > 1 {
			v.t.Errorf("%q was run %d times", run, n)
		}
	}
	v.t.Logf("%d builds, %v, took %d attempts; what was done: %v; the last ended after %s", len(v.ids), states, attempts, v.deeds, time.Since(began).Round(time.Millisecond))
}

// verifyHistory wants what was seen of builds to fit one order.
func (v *victim) verifyHistory() {
	wrong, undecided := v.history.check()
	for _, text := range wrong[:min(3, len(wrong))] {
		v.t.Errorf("no order explains what was seen of a build:%s", text)
	}
	v.t.Logf("%d answers about builds, %d builds seen in ways that no order explains, undecided: %t", len(v.history.all), len(wrong), undecided)
}

// runs is how often each attempt has begun and ended.
func (v *victim) runs() map[string]int {
	text, err := os.ReadFile(v.ledger)
	if err != nil {
		v.t.Fatal(err)
	}
	runs := map[string]int{}
	for line := range strings.Lines(string(text)) {
		runs[strings.TrimSpace(line)]++
	}
	return runs
}

// judge looks at one build that has ended: only one that nobody could carry out
// may not have succeeded.
func (v *victim) judge(b view.Build, runs map[string]int) {
	if b.State == "cancelled" && v.cancels[b.ID] {
		return
	}
	if b.State != "succeeded" {
		v.t.Errorf("build %s %s: %s", b.ID, b.State, b.Error)
		return
	}
	if runs[fmt.Sprintf("%s %d begin", b.ID, b.Attempt)] != 1 || runs[fmt.Sprintf("%s %d end", b.ID, b.Attempt)] != 1 {
		v.t.Errorf("attempt %d of build %s succeeded, and did not run once", b.Attempt, b.ID)
	}
	var want strings.Builder
	for i := range tortureLines {
		fmt.Fprintf(&want, "%s line %d\n", b.ID, i+1)
	}
	if got := v.h.Log(b.ID); got != want.String() {
		v.t.Errorf("the log of build %s, attempt %d, is %q", b.ID, b.Attempt, got)
	}
}
