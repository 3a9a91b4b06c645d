package activate_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/activate"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

// The room over a real store: what Decide says is stored, people and agents
// are heard, and a room that begins anew goes on where the last one stopped.
func TestTheRoom(t *testing.T) {
	st := storetest.Embedded(t)
	named := &manifests.DNS{Provider: "hosts", Domain: "shop.test"}
	one := &state.AppServer{ID: "shop-000001.1", Instance: "shop", Number: 1, State: state.Healthy, Keep: 2, Good: true, DNS: named}
	put(t, st, one.Put())
	room, stop := run(t, st)
	begun := operation(t, st, one.ID, state.Activate, "")
	if err := room.Done(t.Context(), one.ID, "another", ""); err != nil {
		t.Errorf("a word about another operation: %v", err)
	}
	if err := room.Done(t.Context(), "nobody", begun, ""); err != nil {
		t.Errorf("a word about what is gone: %v", err)
	}
	if err := room.Done(t.Context(), one.ID, begun, "no"); err != nil {
		t.Fatal(err)
	}
	stop()
	room, _ = run(t, st)
	again := operation(t, st, one.ID, state.Activate, begun) // after its pause
	if err := room.Done(t.Context(), one.ID, again, ""); err != nil {
		t.Fatal(err)
	}
	until(t, st, "it is active", func(f *state.Facts) bool { return f.Actives["shop"] != nil && f.Actives["shop"].AppServer == one.ID })

	if err := room.Want(t.Context(), "nobody", state.Terminate); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a wish for nobody: %v", err)
	}
	if err := room.Want(t.Context(), one.ID, state.Terminate); err != nil {
		t.Fatal(err)
	}
	if err := room.Done(t.Context(), one.ID, operation(t, st, one.ID, state.Terminate, ""), ""); err != nil {
		t.Fatal(err)
	}
	until(t, st, "it is gone", func(f *state.Facts) bool { return f.AppServers[one.ID] == nil && f.Actives["shop"].AppServer == "" })
}

func run(t *testing.T, st *store.Store) (*activate.Activator, func()) {
	room := activate.New(st, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = room.Run(ctx) })
	stop := sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(stop)
	return room, stop
}

func put(t *testing.T, st *store.Store, w state.Write) {
	t.Helper()
	if err := st.CommitSeen(t.Context(), w); err != nil {
		t.Fatal(err)
	}
}

// operation waits for an AppServer to get one that is not the one before.
func operation(t *testing.T, st *store.Store, id string, doing state.Doing, before string) (found string) {
	t.Helper()
	until(t, st, "there is an operation", func(f *state.Facts) bool {
		a := f.AppServers[id]
		if a == nil || a.Operation == nil || a.Operation.Doing != doing || a.Operation.ID == before {
			return false
		}
		found = a.Operation.ID
		return true
	})
	return found
}

func until(t *testing.T, st *store.Store, what string, holds func(f *state.Facts) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := st.Await(ctx, holds); err != nil {
		t.Fatalf("waited in vain until %s", what)
	}
}
