// Package storetest proves that a store keeps what package store promises,
// whichever form of etcd is behind it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// Open starts a store on the client and follows it until the test ends.
func Open(t testing.TB, cli *clientv3.Client) *store.Store {
	t.Helper()
	s := store.New(cli, slog.New(slog.DiscardHandler))
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s
}

// run follows the store until the test ends.
func run(t testing.TB, s *store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// patience bounds what takes moments on a machine that has nothing else to do.
const patience = 2 * time.Minute

// Embedded starts an embedded etcd in a fresh directory and a store on it.
func Embedded(t testing.TB) *store.Store {
	t.Helper()
	e, err := store.Embed(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return Open(t, e.Client)
}

// Run proves the promises over clients of one empty etcd.
func Run(t *testing.T, cli *clientv3.Client) {
	t.Run("commit is conditional", func(t *testing.T) { conditional(t, Open(t, cli)) })
	t.Run("commit is all or nothing", func(t *testing.T) { atomic(t, Open(t, cli)) })
	t.Run("facts survive a fresh start", func(t *testing.T) { survives(t, cli) })
	t.Run("subscriptions tell what changed", func(t *testing.T) { subscribes(t, Open(t, cli)) })
	t.Run("a lease takes its facts along", func(t *testing.T) { leases(t, Open(t, cli)) })
	t.Run("finished builds leave the live facts", func(t *testing.T) { finishes(t, Open(t, cli)) })
	t.Run("a fence that fell lets nothing through", func(t *testing.T) { fences(t, cli) })
	t.Run("following goes on after compaction", func(t *testing.T) { compacts(t, cli) })
	t.Run("who is far behind knows it", func(t *testing.T) { farBehind(t, cli) })
}

func build(instance string, n int64) *state.Build {
	return &state.Build{ID: state.BuildID{Instance: instance, Number: n}.String(), Instance: instance, Number: n,
		State: state.Queued, Attempt: 1, QueuedAt: time.Unix(n, 0).UTC()}
}

func commit(t *testing.T, s *store.Store, w ...state.Write) {
	t.Helper()
	if err := s.CommitSeen(t.Context(), w...); err != nil {
		t.Fatal(err)
	}
}

func live(s *store.Store, id string) (b *state.Build) {
	s.Read(func(f *state.Facts) { b = f.Builds[id] })
	return b
}

func conditional(t *testing.T, s *store.Store) {
	b := build("conditional", 1)
	commit(t, s, b.Put())
	if _, err := s.Commit(t.Context(), b.Put()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("second creation: got %v, want a conflict", err)
	}
	read := live(s, b.ID)
	if read == nil || read.Rev == 0 {
		t.Fatalf("live fact: %+v, want it with its revision", read)
	}
	moved, err := read.Assign("a1", "", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, moved.Put())
	if _, err := s.Commit(t.Context(), read.Put()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("write of an old revision: got %v, want a conflict", err)
	}
}

func atomic(t *testing.T, s *store.Store) {
	one, two := build("atomic", 1), build("atomic", 2)
	commit(t, s, one.Put())
	if _, err := s.Commit(t.Context(), two.Put(), one.Put()); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	if _, err := s.Build(t.Context(), two.BuildID()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half of a refused commit was made: %v", err)
	}
	many := make([]state.Write, 200)
	for i := range many {
		many[i] = build("atomic", int64(100+i)).Put()
	}
	if _, err := s.Commit(t.Context(), many...); err == nil {
		t.Error("200 writes in one transaction were accepted")
	}
}

func fences(t *testing.T, cli *clientv3.Client) {
	put, err := cli.Put(t.Context(), "/term", "one")
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	s := Open(t, cli)
	one := s.Under(store.Fence{Key: "/term", Created: put.Header.Revision, Lost: func() { lost++ }})
	first := build("fenced", 1)
	commit(t, one, first.Put())
	if _, err := one.Commit(t.Context(), first.Put()); !errors.Is(err, store.ErrConflict) || lost > 0 {
		t.Errorf("a write that was too late within a term: %v, the term lost %d times", err, lost)
	}
	if _, err := cli.Delete(t.Context(), "/term"); err != nil {
		t.Fatal(err)
	}
	for _, term := range []string{"", "two"} { // nobody leads, and another does
		if term != "" {
			if put, err = cli.Put(t.Context(), "/term", term); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := one.Commit(t.Context(), build("fenced", 2).Put()); !errors.Is(err, store.ErrDeposed) {
			t.Errorf("a write after its term, in that of %q: %v", term, err)
		}
		if err := one.Forget(t.Context(), "fenced"); !errors.Is(err, store.ErrDeposed) {
			t.Errorf("history forgotten after the term, in that of %q: %v", term, err)
		}
	}
	if lost != 4 {
		t.Errorf("the loss of the term was told %d times, want 4", lost)
	}
	commit(t, s.Under(store.Fence{Key: "/term", Created: put.Header.Revision}), build("fenced", 2).Put())
}

func survives(t *testing.T, cli *clientv3.Client) {
	first := Open(t, cli)
	for i := int64(1); i <= 3; i++ {
		commit(t, first, build("survives", i).Put())
	}
	second := Open(t, cli)
	var queue []string
	second.Read(func(f *state.Facts) {
		for _, b := range f.Queue() {
			if b.Instance == "survives" {
				queue = append(queue, b.ID)
			}
		}
	})
	if got, want := fmt.Sprint(queue), "[survives-000001 survives-000002 survives-000003]"; got != want {
		t.Errorf("queue after a fresh start: %s, want %s", got, want)
	}
}

func subscribes(t *testing.T, s *store.Store) {
	sub := s.Subscribe(state.KindBuild)
	defer s.Unsubscribe(sub)
	if _, all := sub.Take(); !all {
		t.Error("the first take does not say that everything is new")
	}
	b := build("subscribes", 1)
	commit(t, s, b.Put(), (&state.Instance{Name: "subscribes"}).Put())
	keys, all := sub.Take()
	if want := b.Put().Key; all || len(keys) != 1 || keys[0] != want {
		t.Errorf("took %v (all %v), want only %v", keys, all, want)
	}
}

func leases(t *testing.T, s *store.Store) {
	lease, err := s.Grant(t.Context(), 60*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, (&state.Agent{Name: "leased", Slots: 1}).Put().Under(lease))
	if err := s.KeepAlive(t.Context(), lease); err != nil {
		t.Error(err)
	}
	if err := s.Revoke(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Await(ctx, func(f *state.Facts) bool { return f.Agents["leased"] == nil }); err != nil {
		t.Errorf("the agent outlived its lease: %v", err)
	}
	if err := s.KeepAlive(t.Context(), lease); err == nil {
		t.Error("a revoked lease was kept alive")
	}
}

func finishes(t *testing.T, s *store.Store) {
	for i := int64(1); i <= 5; i++ {
		b := build("finishes", i)
		commit(t, s, b.Put())
		ended, err := live(s, b.ID).End(state.Cancelled, "not wanted", time.Unix(100, 0))
		if err != nil {
			t.Fatal(err)
		}
		commit(t, s, ended.Finish()...)
	}
	if b := live(s, "finishes-000003"); b != nil {
		t.Errorf("a finished build is still live: %+v", b)
	}
	done, err := s.Finished(t.Context(), "finishes", 5, 2)
	if err != nil || len(done) != 2 || done[0].Number != 4 || done[1].Number != 3 {
		t.Errorf("two finished builds before the fifth: %v, %v; want the fourth and the third", done, err)
	}
	b, err := s.Build(t.Context(), state.BuildID{Instance: "finishes", Number: 1})
	if err != nil || b.State != state.Cancelled {
		t.Errorf("finished build: %+v, %v", b, err)
	}
}

// compacts: of what was forgotten before it was told, a follower has what is left
// of it, and not what was.
func compacts(t *testing.T, cli *clientv3.Client) {
	writer := Open(t, cli)
	commit(t, writer, build("compacts", 1).Put())
	late := store.New(cli, slog.New(slog.DiscardHandler))
	if err := late.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	sub := late.Subscribe(state.KindBuild)
	defer late.Unsubscribe(sub)
	sub.Take()
	commit(t, writer, live(writer, "compacts-000001").Finish()...)
	commit(t, writer, build("compacts", 2).Put())
	if _, err := cli.Compact(t.Context(), writer.Revision()); err != nil {
		t.Fatal(err)
	}
	if b := live(late, "compacts-000001"); b == nil || late.Revision() >= writer.Revision() {
		t.Errorf("before it follows: %+v at revision %d, and the store is at %d", b, late.Revision(), writer.Revision())
	}
	run(t, late)
	wait, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err := late.WaitFor(wait, writer.Revision()); err != nil {
		t.Fatalf("a follower that was compacted over never caught up: %v", err)
	}
	if live(late, "compacts-000001") != nil || live(late, "compacts-000002") == nil {
		t.Errorf("after it caught up: first %+v, second %+v", live(late, "compacts-000001"), live(late, "compacts-000002"))
	}
	if _, all := sub.Take(); !all {
		t.Error("a reader is not told that everything may have changed")
	}
}

// many revisions are more than etcd tells at once.
const many = 2500

// farBehind: whoever is said to be at a revision has all up to there.
func farBehind(t *testing.T, cli *clientv3.Client) {
	late := store.New(cli, slog.New(slog.DiscardHandler))
	if err := late.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := writeMany(t, late, "far-behind", many)
	run(t, late)
	wait, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err := late.WaitFor(wait, last); err != nil {
		t.Fatal(err)
	}
	if n := count(late, "far-behind"); n != many {
		t.Errorf("at revision %d there are %d builds, want %d", last, n, many)
	}
}

// writeMany queues builds of an instance, each at a revision of its own, and
// returns the last.
func writeMany(t *testing.T, s *store.Store, instance string, n int) (last int64) {
	t.Helper()
	revisions := make([]int64, n)
	var all errgroup.Group
	all.SetLimit(64)
	for i := range revisions {
		all.Go(func() (err error) {
			revisions[i], err = s.Commit(t.Context(), build(instance, int64(i+1)).Put())
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	return slices.Max(revisions)
}

func count(s *store.Store, instance string) (n int) {
	s.Read(func(f *state.Facts) { n = len(f.OfInstance(instance)) })
	return n
}
