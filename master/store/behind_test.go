package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

// Others may have etcd forget a revision while the facts are read as of it: what
// is loaded is of one revision none the less.
func TestForgottenWhileItLoads(t *testing.T) {
	t.Parallel()
	cli := embedded(t)
	before := &state.Instance{Name: "before"}
	if _, err := store.New(cli, slog.New(slog.DiscardHandler)).Commit(t.Context(), before.Put()); err != nil {
		t.Fatal(err)
	}
	reads := &forgetful{KV: cli.KV, often: 2}
	cli.KV = reads
	s := store.New(cli, slog.New(slog.DiscardHandler))
	if err := s.Load(t.Context()); err != nil {
		t.Fatalf("after %d times: %v", reads.forgot, err)
	}
	s.Read(func(f *state.Facts) {
		if f.Instances["before"] == nil || f.Instances["forgotten"] == nil || reads.forgot != 2 {
			t.Errorf("loaded %v after %d times", f.Instances, reads.forgot)
		}
	})
}

// forgetful writes after the first read of several, and has all before that
// forgotten.
type forgetful struct {
	clientv3.KV
	often, forgot int
}

func (k *forgetful) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	resp, err := k.KV.Get(ctx, key, opts...)
	if err != nil || clientv3.OpGet(key, opts...).Rev() != 0 || k.forgot == k.often {
		return resp, err
	}
	k.forgot++
	one := &state.Instance{Name: "forgotten", LastNumber: int64(k.forgot)}
	value, err := state.Encode(one)
	if err != nil {
		return nil, err
	}
	made, err := k.Put(ctx, "/wright/"+one.Put().Key.String(), string(value))
	if err == nil {
		_, err = k.Compact(ctx, made.Header.Revision)
	}
	return resp, err
}

// Ends of builds are looked for again where etcd forgets the revision that was
// being read, or cannot be read for a moment.
func TestEndedWhileItIsForgotten(t *testing.T) {
	t.Parallel()
	cli := embedded(t)
	s := storetest.Open(t, cli)
	begin := s.Revision()
	finish(t, s, "shop", 1)
	finish(t, s, "shop", 2)
	if _, err := cli.Compact(t.Context(), s.Revision()); err != nil {
		t.Fatal(err)
	}
	reads := &failing{KV: cli.KV, errs: []error{rpctypes.ErrCompacted, rpctypes.ErrLeaderChanged}}
	cli.KV = reads
	ids, _ := collect(t, s, begin, 2)
	if want := []string{"shop-000001", "shop-000002"}; !slices.Equal(ids, want) || len(reads.errs) > 0 {
		t.Errorf("found %v, want %v; not come yet: %v", ids, want, reads.errs)
	}
}

// failing fails its first reads.
type failing struct {
	clientv3.KV
	errs []error
}

func (k *failing) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	if len(k.errs) == 0 {
		return k.KV.Get(ctx, key, opts...)
	}
	err := k.errs[0]
	k.errs = k.errs[1:]
	return nil, fmt.Errorf("read: %w", err)
}

func embedded(t *testing.T) *clientv3.Client {
	t.Helper()
	e, err := store.Embed(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e.Client
}
