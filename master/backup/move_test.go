package backup

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

func count(t *testing.T, cli *clientv3.Client) int64 {
	t.Helper()
	all, err := cli.Get(t.Context(), prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return all.Count
}

func TestMove(t *testing.T) {
	h := newHouse(t)
	s := load(t, h.etcd)
	for n := range int64(3 * maxOps) {
		h.last = commit(t, s, (&state.Instance{Name: state.BuildID{Instance: "other", Number: n}.String(), LastNumber: n}).Put())
	}
	h.stop()
	cluster := cluster(t)
	m, err := Move(t.Context(), h.dir, cluster)
	if err != nil {
		t.Fatal(err)
	}
	if want := 3*maxOps + 3; m.Facts != want || count(t, cluster) != int64(want) { // the agent has a lease
		t.Errorf("%d facts were moved, the cluster has %d, want %d", m.Facts, count(t, cluster), want)
	}
	moved := load(t, cluster)
	moved.Read(func(f *state.Facts) {
		if shop := f.Instances["shop"]; shop.LastNumber != 2 || shop.Rev < h.last || len(f.Agents) > 0 || f.Builds["shop-000002"].Attempt != 1 {
			t.Errorf("%+v at revision %d, and there was %d; agents %v", shop, shop.Rev, h.last, f.Agents)
		}
	})
	if _, err := Move(t.Context(), h.dir, cluster); !errors.Is(err, ErrMoved) {
		t.Errorf("once more: %v", err)
	}
	if _, err := store.Embed(t.Context(), filepath.Join(h.dir, "etcd")); err == nil {
		t.Error("a master without the cluster starts with no facts")
	}
}

func TestMoveRefuses(t *testing.T) {
	h := newHouse(t)
	h.stop()
	cluster := cluster(t)
	unlock, err := lock(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Move(t.Context(), h.dir, cluster); !errors.Is(err, ErrInUse) {
		t.Errorf("while a master runs: %v", err)
	}
	unlock()
	if _, err := cluster.Put(t.Context(), prefix+"installation", "another"); err != nil {
		t.Fatal(err)
	}
	if _, err := Move(t.Context(), h.dir, cluster); !errors.Is(err, ErrTaken) || count(t, cluster) != 1 {
		t.Errorf("into the cluster of another installation: %v, it has %d facts", err, count(t, cluster))
	}
	if _, err := cluster.Delete(t.Context(), prefix+"installation"); err != nil {
		t.Fatal(err)
	}
	if _, err := Move(t.Context(), h.dir, cluster); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// failing is a cluster that is full once it has taken some transactions.
type failing struct {
	clientv3.KV
	takes *int
}

var errFull = errors.New("full")

func (f failing) Txn(ctx context.Context) clientv3.Txn {
	if *f.takes--; *f.takes < 0 {
		return full{}
	}
	return f.KV.Txn(ctx)
}

type full struct{}

func (f full) If(...clientv3.Cmp) clientv3.Txn      { return f }
func (f full) Then(...clientv3.Op) clientv3.Txn     { return f }
func (f full) Else(...clientv3.Op) clientv3.Txn     { return f }
func (full) Commit() (*clientv3.TxnResponse, error) { return nil, errFull }

// What fails half way is taken back, and can be done again.
func TestMoveThatFails(t *testing.T) {
	h := newHouse(t)
	s := load(t, h.etcd)
	for n := range int64(maxOps) {
		commit(t, s, (&state.Instance{Name: state.BuildID{Instance: "other", Number: n}.String()}).Put())
	}
	h.stop()
	cluster := cluster(t)
	good, takes := cluster.KV, 1
	cluster.KV = failing{good, &takes}
	if _, err := Move(t.Context(), h.dir, cluster); !errors.Is(err, errFull) || takes >= 0 {
		t.Errorf("a cluster that is full: %v", err)
	}
	if n := count(t, cluster); n != 0 {
		t.Errorf("%d facts are left in the cluster", n)
	}
	cluster.KV = good
	if m, err := Move(t.Context(), h.dir, cluster); err != nil || m.Facts != maxOps+3 {
		t.Errorf("once more: %+v, %v", m, err)
	}
}

// A cluster that others use is not burdened with hundreds of thousands of revisions.
func TestRaiseInASharedCluster(t *testing.T) {
	cluster := cluster(t)
	if _, err := cluster.Put(t.Context(), "/other", ""); err != nil {
		t.Fatal(err)
	}
	if err := raise(t.Context(), cluster, maxShared+10); !errors.Is(err, ErrOld) || count(t, cluster) != 0 {
		t.Errorf("%v, and %d keys", err, count(t, cluster))
	}
	if err := raise(t.Context(), cluster, 500); err != nil {
		t.Fatal(err)
	}
	if now, err := cluster.Get(t.Context(), "/other"); err != nil || now.Header.Revision < 500 || count(t, cluster) != 0 {
		t.Errorf("the revision is %d, %v", now.Header.Revision, err)
	}
}
