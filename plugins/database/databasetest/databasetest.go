// Package databasetest holds tests of database providers that the conformance
// suite cannot have, because they look at the server itself and log in at it. It
// knows no service and no provider.
package databasetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/host"
)

// Subject is a provider and a server that runs.
type Subject struct {
	Dir      string // where the binary is
	Name     string // of the provider
	Settings map[string]any
	Secrets  []string // that no error may show

	// Content lists everything that the server has, by its own account.
	Content func(t testing.TB) []string
	// Work does what a program does with its database.
	Work func(url string) error
}

const installation = "tests"

// Agent is a host with the provider.
type Agent struct {
	database.Provider
	host *host.Host
	name string
}

// Agent starts one, which ends with the test.
func (s Subject) Agent(t testing.TB) Agent {
	t.Helper()
	h := host.New(host.Config{
		Dirs: []string{s.Dir}, StateDir: t.TempDir(), Installation: installation,
		Providers: map[string]map[string]any{"database-" + s.Name: s.Settings},
	})
	t.Cleanup(func() { _ = h.Close() })
	p, err := h.Database(t.Context(), s.Name)
	if err != nil {
		t.Fatal(err)
	}
	return Agent{p, h, s.Name}
}

// kill kills the provider's process as the out-of-memory killer would.
func (a Agent) kill(t testing.TB) {
	for _, i := range a.host.Plugins() {
		if i.Kind == plugins.Database && i.Name == a.name && i.PID != 0 {
			if err := syscall.Kill(i.PID, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Error("there is no process to kill")
}

// Spec wants an ephemeral database whose password has been stored.
func Spec(token string) database.Spec {
	return database.Spec{
		Token: token, Name: "shop", Instance: "tests", Tags: map[string]string{plugins.InstallationTag: installation},
		Password: "stored-" + token + "-/@:?#%20+ é", Config: map[string]any{},
	}
}

// Storm makes and deletes databases, many at a time, while the provider dies over
// and over. Some are forgotten by who made them and found by the list. At the end
// the server has what it had before.
func Storm(t *testing.T, s Subject) {
	const many, kills = 20, 10
	before := s.Content(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var died atomic.Int32
	w := &worker{s: s}
	a := s.Agent(t)
	w.agent.Store(&a)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			for round := 0; (round == 0 || died.Load() < kills) && ctx.Err() == nil; round++ {
				w.life(ctx, t, fmt.Sprintf("storm-%d-%d", i, round), (i+round)%4 == 3)
			}
		})
	}
	for died.Load() < kills && ctx.Err() == nil {
		pause(ctx, 50*time.Millisecond+rand.N(500*time.Millisecond))
		old := w.agent.Load()
		old.kill(t)
		next := s.Agent(t) // as an agent that is started again, perhaps elsewhere
		w.agent.Store(&next)
		_ = old.host.Close()
		died.Add(1)
	}
	all.Wait()
	w.reap(ctx, t)
	t.Logf("%d databases made, %d calls that failed, %d kills", w.made.Load(), w.failed.Load(), died.Load())
	same(t, before, s.Content(t))
}

// Hard is a storm without kills, for a server that fails on its own: each of so
// many databases comes to work with the password that was stored, and then to be gone.
// Settled says that no request of before is on its way any more.
func Hard(t *testing.T, s Subject, many int, settled func()) {
	before := s.Content(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	w := &worker{s: s, impatient: true}
	a := s.Agent(t)
	w.agent.Store(&a)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() { w.life(ctx, t, fmt.Sprintf("hard-%d", i), i%4 == 3) })
	}
	all.Wait()
	settled()
	w.reap(ctx, t)
	t.Logf("%d databases made, %d calls that failed", w.made.Load(), w.failed.Load())
	same(t, before, s.Content(t))
}

type worker struct {
	s            Subject
	agent        atomic.Pointer[Agent]
	impatient    bool // calls are given up after seconds, at first
	made, failed atomic.Int32
}

// life makes a database, works with it and deletes it, unless it is forgotten.
func (w *worker) life(ctx context.Context, t *testing.T, token string, forgotten bool) {
	s := Spec(token)
	var made *database.Database
	w.persist(ctx, t, "create "+token, func(ctx context.Context) (err error) {
		made, err = w.agent.Load().Create(ctx, s)
		return err
	})
	if made == nil {
		return
	}
	w.made.Add(1)
	u, err := url.Parse(made.URL)
	if err != nil {
		t.Fatal(err)
	}
	if password, _ := u.User.Password(); password != s.Password {
		t.Errorf("%s: the password is not the stored one", token)
	}
	if err := w.s.Work(made.URL); err != nil {
		t.Errorf("%s: work with it: %v", token, err)
	}
	if forgotten {
		return
	}
	w.persist(ctx, t, "delete "+token, func(ctx context.Context) error { return w.agent.Load().Delete(ctx, token) })
}

// persist repeats a call until it succeeds, as Wright does.
func (w *worker) persist(ctx context.Context, t *testing.T, doing string, call func(context.Context) error) {
	for try := 1; ; try++ {
		err := w.once(ctx, try, call)
		if err == nil {
			return
		}
		w.failed.Add(1)
		for _, secret := range w.s.Secrets {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error shows a credential: %v", doing, err)
			}
		}
		if plugins.CodeOf(err) != plugins.Transient && !(w.impatient && errors.Is(err, context.DeadlineExceeded)) || ctx.Err() != nil {
			t.Errorf("%s: %v (code %q)", doing, err, plugins.CodeOf(err))
			return
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// once makes a call. Who is impatient gives the first tries little time.
func (w *worker) once(ctx context.Context, try int, call func(context.Context) error) error {
	if w.impatient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(try)*(2*time.Second+rand.N(4*time.Second)))
		defer cancel()
	}
	return call(ctx)
}

// reap deletes what is listed until nothing is, as Wright does with what nobody
// owns.
func (w *worker) reap(ctx context.Context, t *testing.T) {
	for found := 1; found > 0 && ctx.Err() == nil && !t.Failed(); {
		var list []database.Database
		w.persist(ctx, t, "list", func(ctx context.Context) (err error) {
			list, err = w.agent.Load().List(ctx, map[string]string{plugins.InstallationTag: installation})
			return err
		})
		found = len(list)
		t.Logf("the list finds %d that were forgotten", found)
		for _, d := range list {
			w.persist(ctx, t, "delete "+d.Token, func(ctx context.Context) error { return w.agent.Load().Delete(ctx, d.Token) })
		}
	}
}

// same wants the server to have what it had.
func same(t *testing.T, before, after []string) {
	t.Helper()
	for _, thing := range after {
		if !slices.Contains(before, thing) {
			t.Errorf("left at the server: %s", thing)
		}
	}
	for _, thing := range before {
		if !slices.Contains(after, thing) {
			t.Errorf("gone from the server: %s", thing)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
