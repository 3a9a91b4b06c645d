package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

// finish puts a finished build into the history.
func finish(t *testing.T, s *store.Store, instance string, number int64) {
	t.Helper()
	b := &state.Build{ID: state.BuildID{Instance: instance, Number: number}.String(), Instance: instance, Number: number, State: state.Failed}
	if err := s.CommitSeen(t.Context(), b.Finish()[1]); err != nil {
		t.Fatal(err)
	}
}

// collect follows the ends after a revision until so many are there, and
// returns them and the last revision to go on from.
func collect(t *testing.T, s *store.Store, after int64, want int) (ids []string, rev int64) {
	t.Helper()
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := s.Ended(ctx, after, func(at int64, ends []store.Ending) error {
		for _, e := range ends {
			b, err := e.Build()
			if err != nil || b.ID != e.ID.String() {
				return fmt.Errorf("%s: %v, %w", e.ID, b, err)
			}
			ids = append(ids, b.ID)
		}
		if rev = max(rev, at); len(ids) >= want {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("following ended with %v after %v", err, ids)
	}
	return ids, rev
}

// TestEnded: whoever goes on from where he was told misses no end, and hears of
// none twice; what else is written does not disturb.
func TestEnded(t *testing.T) {
	e, err := store.Embed(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	t.Run("embedded", func(t *testing.T) { endsAreTold(t, e.Client) })
	t.Run("over the wire", func(t *testing.T) { endsAreTold(t, overTheWire(t)) })
}

func endsAreTold(t *testing.T, cli *clientv3.Client) {
	s := storetest.Open(t, cli)
	finish(t, s, "shop", 1)
	begin := s.Revision()
	finish(t, s, "shop", 3)
	if err := s.CommitSeen(t.Context(), (&state.Instance{Name: "shop"}).Put()); err != nil {
		t.Fatal(err)
	}
	finish(t, s, "shop", 2)
	ids, rev := collect(t, s, begin, 2)
	if want := []string{"shop-000003", "shop-000002"}; !slices.Equal(ids, want) {
		t.Fatalf("ended after the first: %v, want %v", ids, want)
	}
	if _, err := cli.Delete(t.Context(), "/wright/done/shop/", clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	finish(t, s, "blog", 1)
	if ids, _ = collect(t, s, rev, 1); !slices.Equal(ids, []string{"blog-000001"}) {
		t.Errorf("ended after that: %v", ids)
	}
}

// TestEndedAfterCompaction: where the store has forgotten the order, the ends
// are found none the less, and a way to go on.
func TestEndedAfterCompaction(t *testing.T) {
	e, err := store.Embed(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	s := storetest.Open(t, e.Client)
	finish(t, s, "shop", 1)
	begin := s.Revision()
	finish(t, s, "shop", 2)
	finish(t, s, "blog", 7)
	if _, err := e.Client.Compact(t.Context(), s.Revision()); err != nil {
		t.Fatal(err)
	}
	ids, rev := collect(t, s, begin, 2)
	if !slices.Equal(ids, []string{"shop-000002", "blog-000007"}) {
		t.Fatalf("found %v", ids)
	}
	finish(t, s, "shop", 3)
	if ids, _ = collect(t, s, rev, 1); !slices.Equal(ids, []string{"shop-000003"}) {
		t.Errorf("then %v", ids)
	}
}
