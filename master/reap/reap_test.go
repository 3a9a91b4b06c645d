package reap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

// clouds stands for the agents: what each place holds.
type clouds struct {
	mu    sync.Mutex // guards all below
	holds map[state.Place][]state.Held
	asked int
	ended []string
	fails map[string]string
	stays bool // what was ended is still there
	away  error
	hangs map[state.Place]bool
}

func (c *clouds) Holdings(ctx context.Context, at state.Place) ([]state.Held, error) {
	c.mu.Lock()
	hangs := c.hangs[at]
	c.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return slices.Clone(c.holds[at]), c.away
}

func (c *clouds) EndHoldings(_ context.Context, at state.Place, tokens []string) (map[string]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, token := range tokens {
		if c.fails[token] == "" {
			c.ended = append(c.ended, token)
		}
	}
	if !c.stays {
		c.holds[at] = slices.DeleteFunc(c.holds[at], func(h state.Held) bool { return c.fails[h.Token] == "" && slices.Contains(tokens, h.Token) })
	}
	return maps.Clone(c.fails), nil
}

func (c *clouds) hold(at state.Place, tokens ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds[at] = ours(tokens...)
}

func (c *clouds) hasEnded() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ended)
}

// room is a Reaper over a real store with an agent that has two providers.
type room struct {
	*Reaper
	*clouds
	st  *store.Store
	log *bytes.Buffer
}

func here() state.Place { return state.Place{Agent: "one", Kind: "cloud", Provider: "process"} }

func newRoom(t *testing.T, cfg Config) *room {
	t.Helper()
	st := storetest.Embedded(t)
	agent := &state.Agent{Name: "one", Reaps: true, Plugins: []string{"cloud/process 1.0", "dns/hosts 1.0", "cloud/unused 1.0", "runner/local 1.0"}}
	deaf := &state.Agent{Name: "old", Plugins: agent.Plugins}
	server := &state.AppServer{ID: "other-000001.1", Instance: "other", State: state.Healthy, Provider: "process", DNS: &manifests.DNS{Provider: "hosts", Domain: "other.test"}}
	commit(t, st, agent.Put(), deaf.Put(), server.Put())
	c := &clouds{holds: map[state.Place][]state.Held{}, fails: map[string]string{}, hangs: map[state.Place]bool{}}
	r := &room{clouds: c, st: st, log: &bytes.Buffer{}}
	cfg.Store, cfg.Agents, cfg.Installation, cfg.Log = st, c, "home", slog.New(slog.NewTextHandler(r.log, nil))
	r.Reaper = New(cfg)
	return r
}

func commit(t *testing.T, st *store.Store, writes ...state.Write) {
	t.Helper()
	if err := st.CommitSeen(t.Context(), writes...); err != nil {
		t.Fatal(err)
	}
}

// visits visits all places now and gives what is known of the cloud.
func (r *room) visits(t *testing.T, force bool) Report {
	t.Helper()
	if err := r.Now(t.Context(), "", force); err != nil {
		t.Fatal(err)
	}
	all := r.Reports()
	for _, report := range all {
		if report.Place == here() {
			return report
		}
	}
	t.Fatalf("no report of %s: %+v", here(), all)
	return Report{}
}

// Things end at the second visit, and only where they are of use to nobody; what
// could not be ended, or is still there, is tried again.
func TestVisits(t *testing.T) {
	r := newRoom(t, Config{After: time.Nanosecond})
	r.hold(here(), "shop-000001.1", "other-000001.1", "shop-000002.1")
	r.fails["shop-000002.1"] = "the cloud says no"
	if v := r.visits(t, false); len(v.Unowned) != 2 || v.Listed != 3 || len(r.hasEnded()) > 0 {
		t.Errorf("first visit: %+v, ended %v", v, r.hasEnded())
	}
	v := r.visits(t, false)
	if got := r.hasEnded(); !slices.Equal(got, []string{"shop-000001.1"}) || v.Unowned[1].Error != "the cloud says no" || v.Unowned[0].Ended.IsZero() {
		t.Errorf("second visit: %+v, ended %v", v, got)
	}
	delete(r.fails, "shop-000002.1")
	r.stays = true
	if v := r.visits(t, false); len(v.Unowned) != 1 || v.Unowned[0].Error != "" {
		t.Errorf("third visit: %+v", v)
	}
	r.stays = false
	r.visits(t, false)
	if v := r.visits(t, false); len(v.Unowned) != 0 || v.Error != "" {
		t.Errorf("last visit: %+v", v)
	}
	if got := r.hasEnded(); !slices.Equal(got, []string{"shop-000001.1", "shop-000002.1", "shop-000002.1"}) {
		t.Errorf("ended: %v", got)
	}
	if said := r.log.String(); strings.Count(said, "msg=reaped") != 3 || !strings.Contains(said, "again=true") {
		t.Errorf("said:\n%s", said)
	}
	if all := r.Reports(); len(all) != 2 {
		t.Errorf("places: %+v", all)
	}
}

// Where the facts are to be doubted nothing ends, also under another master,
// until a person allows what was listed before.
func TestHeldBack(t *testing.T) {
	r := newRoom(t, Config{After: time.Nanosecond})
	r.hold(here(), ids(5)...)
	for range 3 {
		if v := r.visits(t, false); !v.HeldBack || len(v.Unowned) != 5 {
			t.Fatalf("%+v", v)
		}
	}
	r.hold(here(), append(ids(2), "other-000001.1")...)
	next := &room{Reaper: New(r.cfg), clouds: r.clouds, st: r.st, log: r.log} // a master that begins anew
	if all := next.Reports(); len(all) != 1 || !all[0].HeldBack {
		t.Errorf("it does not know what is held back: %+v", all)
	}
	if v := next.visits(t, false); !v.HeldBack || len(v.Unowned) != 2 {
		t.Errorf("%+v", v)
	}
	if v := next.visits(t, false); !v.HeldBack || len(r.hasEnded()) > 0 {
		t.Fatalf("%+v, ended %v", v, r.hasEnded())
	}
	r.hold(here(), append(ids(3), "other-000001.1")...)
	if v := next.visits(t, true); v.HeldBack || !slices.Equal(r.hasEnded(), ids(2)) {
		t.Errorf("%+v, ended %v", v, r.hasEnded())
	}
	next.visits(t, false)
	if got := r.hasEnded(); !slices.Equal(got, ids(3)) {
		t.Errorf("ended %v", got)
	}
	if said := r.log.String(); !strings.Contains(said, "level=ERROR") || !strings.Contains(said, "wright reap run --force") {
		t.Errorf("said:\n%s", said)
	}
}

// Where everything is somebody's again nothing is held back any more.
func TestHeldBackNoMore(t *testing.T) {
	r := newRoom(t, Config{After: time.Nanosecond})
	r.hold(here(), ids(5)...)
	if v := r.visits(t, false); !v.HeldBack {
		t.Fatalf("%+v", v)
	}
	r.hold(here(), "other-000001.1")
	if v := r.visits(t, false); v.HeldBack {
		t.Errorf("%+v", v)
	}
	r.st.Read(func(f *state.Facts) {
		if len(f.HeldBacks) > 0 {
			t.Errorf("facts: %v", f.HeldBacks)
		}
	})
}

// A place that a person allowed and that holds nothing any more is not held
// back, also where no agent is.
func TestAllowedWhereNobodyIs(t *testing.T) {
	r := newRoom(t, Config{})
	gone := &state.HeldBack{Place: state.Place{Agent: "gone", Kind: "cloud", Provider: "process"}}
	commit(t, r.st, gone.Put())
	if err := r.Now(t.Context(), "dns/hosts", true); err != nil {
		t.Fatal(err)
	}
	if all := r.Reports(); len(all) != 2 || !all[0].HeldBack {
		t.Errorf("%+v", all)
	}
	r.visits(t, true)
	for _, report := range r.Reports() {
		if report.HeldBack {
			t.Errorf("%+v", report)
		}
	}
	if err := r.Now(t.Context(), "cloud/nonesuch", false); !errors.Is(err, ErrNowhere) {
		t.Errorf("a provider that nobody has: %v", err)
	}
	if err := r.Now(t.Context(), "cloud/unused", false); err != nil {
		t.Errorf("a provider that is not in use, asked for: %v", err)
	}
}

// A list that cannot be had changes nothing of what is known.
func TestListsThatFail(t *testing.T) {
	r := newRoom(t, Config{After: time.Nanosecond})
	r.hold(here(), "shop-000001.1")
	r.visits(t, false)
	r.away = errors.New("no route to host")
	if v := r.visits(t, false); v.Error != "no route to host" || len(v.Unowned) != 1 || len(r.hasEnded()) > 0 {
		t.Errorf("%+v", v)
	}
	r.away = nil
	if v := r.visits(t, false); v.Error != "" || len(r.hasEnded()) != 1 {
		t.Errorf("%+v", v)
	}
}

// The room visits by itself, and a provider that hangs holds up no other.
func TestRun(t *testing.T) {
	r := newRoom(t, Config{Interval: 20 * time.Millisecond, After: 30 * time.Millisecond})
	r.hangs[state.Place{Agent: "one", Kind: "dns", Provider: "hosts"}] = true
	r.hold(here(), "shop-000001.1", "other-000001.1")
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for late := time.After(2 * time.Minute); len(r.hasEnded()) == 0; {
		select {
		case <-late:
			t.Fatal("nothing was reaped")
		case <-time.After(time.Millisecond):
		}
	}
	stop()
	running.Wait()
	if got := r.hasEnded(); !slices.Equal(got, []string{"shop-000001.1"}) {
		t.Errorf("ended: %v", got)
	}
}

// Places are spread over the second half of the interval, and visited at it.
func TestPace(t *testing.T) {
	r := New(Config{Log: slog.New(slog.DiscardHandler)})
	now := time.Now()
	times := map[time.Time]bool{}
	for i := range 100 {
		p := r.place(state.Place{Agent: fmt.Sprint("agent-", i), Kind: "cloud", Provider: "x"}, now)
		if wait := p.next.Sub(now); wait < Interval/2 || wait > Interval {
			t.Errorf("the first visit is after %s", wait)
		}
		times[p.next] = true
	}
	if len(times) < 50 {
		t.Errorf("100 places are visited at %d times", len(times))
	}
}
