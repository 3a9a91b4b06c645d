package elect_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/elect"
	"github.com/wright-build/wright/master/store"
)

// house is an etcd and the candidates of a test.
type house struct {
	t    *testing.T
	etcd *store.Embedded
	all  sync.WaitGroup
}

func newHouse(t *testing.T) *house {
	e, err := store.Embed(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, etcd: e}
	t.Cleanup(func() { h.all.Wait(); _ = e.Close() })
	return h
}

// runner is a candidate and what it is told.
type runner struct {
	*elect.Candidate
	terms chan elect.Term
	stop  context.CancelFunc
	leads atomic.Bool
}

func (h *house) run(name string) *runner {
	ctx, stop := context.WithCancel(h.t.Context())
	r := &runner{Candidate: elect.New(h.etcd.Client, name, 2*time.Second, slog.New(slog.DiscardHandler)), terms: make(chan elect.Term), stop: stop}
	h.all.Go(func() {
		err := r.Run(ctx, func(ctx context.Context, term elect.Term) error {
			r.leads.Store(true)
			defer r.leads.Store(false)
			select {
			case r.terms <- term:
			case <-ctx.Done():
				return nil
			}
			<-ctx.Done()
			return nil
		})
		if err != nil {
			h.t.Error(err)
		}
	})
	return r
}

// await waits for something, for as long as the test may take.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for late := time.Now().Add(2 * time.Minute); !holds(); <-again.C {
		if time.Now().After(late) {
			t.Fatal("waited in vain for", what)
		}
	}
}

func (r *runner) sees(leader string) func() bool {
	return func() bool { now, _ := r.Leader(); return now == leader }
}

func TestTheNextLeadsWhenOneGoes(t *testing.T) {
	h := newHouse(t)
	one := h.run("one")
	first := <-one.terms
	two := h.run("two")
	await(t, "two to see one lead", two.sees("one"))
	one.stop()
	second := <-two.terms
	if first.Key == second.Key || first.Created >= second.Created {
		t.Errorf("terms %+v and %+v are not told apart", first, second)
	}
	await(t, "two to see itself lead", two.sees("two"))
	two.stop()
	h.all.Wait()
	if got, err := h.etcd.Client.Get(t.Context(), "/wright/leader", clientv3.WithPrefix(), clientv3.WithCountOnly()); err != nil || got.Count != 0 {
		t.Errorf("%d candidacies are left, %v", got.Count, err)
	}
}

func TestALeaderThatLosesItsLeaseEndsAndStandsAgain(t *testing.T) {
	h := newHouse(t)
	one := h.run("one")
	first := <-one.terms
	// As when it was stopped for longer than its lease.
	leases, err := h.etcd.Client.Leases(t.Context())
	if err != nil || len(leases.Leases) != 1 {
		t.Fatalf("leases %v, %v", leases, err)
	}
	if _, err := h.etcd.Client.Revoke(t.Context(), leases.Leases[0].ID); err != nil {
		t.Fatal(err)
	}
	second := <-one.terms
	if second.Created <= first.Created {
		t.Errorf("term %+v came after %+v", second, first)
	}
	one.stop()
}

// asked counts the questions to etcd.
type asked struct {
	clientv3.KV
	times atomic.Int64
}

func (a *asked) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	a.times.Add(1)
	return a.KV.Get(ctx, key, opts...)
}

// TestWhoWaitsAsksSeldom: candidates that wait ask etcd three times in a term each.
func TestWhoWaitsAsksSeldom(t *testing.T) {
	h := newHouse(t)
	kv := &asked{KV: h.etcd.Client.KV}
	h.etcd.Client.KV = kv
	first := h.run("first")
	defer first.stop()
	<-first.terms
	second := h.run("second")
	defer second.stop()
	await(t, "second to see first", second.sees("first"))
	before, began := kv.times.Load(), time.Now()
	await(t, "20 questions", func() bool { return kv.times.Load() >= before+20 })
	if took := time.Since(began); took < 2*time.Second { // by two, a term of 2 s long, would be 6
		t.Errorf("20 questions in %v", took)
	}
}

func TestWhoFindsOutMayEndATerm(t *testing.T) {
	h := newHouse(t)
	one := h.run("one")
	(<-one.terms).End(elect.ErrOver)
	<-one.terms
	one.stop()
}

func TestWhoCannotLeadSaysWhy(t *testing.T) {
	h := newHouse(t)
	c := elect.New(h.etcd.Client, "one", 0, slog.New(slog.DiscardHandler))
	want := fmt.Errorf("no disk")
	if err := c.Run(t.Context(), func(context.Context, elect.Term) error { return want }); err == nil || err.Error() != want.Error() {
		t.Errorf("got %v", err)
	}
}
