package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/past"
	"github.com/wright-build/wright/master/store/storetest"
)

// attic is a store that keeps what is over in files.
type attic struct {
	*testing.T
	*store.Store
	etcd *store.Embedded
	cli  *clientv3.Client
	past *past.Past
}

func openAttic(t *testing.T) attic {
	e, err := store.Embed(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	a := attic{t, storetest.Open(t, e.Client), e, e.Client, past.Open(t.TempDir())}
	a.KeepPast(a.past)
	return a
}

// hears writes down that whoever follows ends has heard of all.
func (a attic) hears() {
	a.Helper()
	h := &state.Heard{}
	a.Read(func(f *state.Facts) {
		if old := f.Heard(); old != nil {
			*h = *old
		}
	})
	h.Revision = a.Revision()
	if err := a.CommitSeen(a.Context(), h.Put()); err != nil {
		a.Fatal(err)
	}
}

func (a attic) putAway() {
	a.Helper()
	if err := a.PutAway(a.Context()); err != nil {
		a.Fatal(err)
	}
}

// keys counts what is over and still in etcd.
func (a attic) keys() int64 {
	a.Helper()
	n := int64(0)
	for _, kind := range []string{"done", "gone"} {
		resp, err := a.cli.Get(a.Context(), "/wright/"+kind+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			a.Fatal(err)
		}
		n += resp.Count
	}
	return n
}

func (a attic) numbers(instance string, before int64, limit int) (all []int64) {
	a.Helper()
	found, err := a.Finished(a.Context(), instance, before, limit)
	if err != nil {
		a.Fatal(err)
	}
	for _, b := range found {
		all = append(all, b.Number)
	}
	return all
}

// What is over leaves etcd once its end was heard of, and is found as before.
func TestPutAway(t *testing.T) {
	a := openAttic(t)
	for n := range int64(300) {
		finish(t, a.Store, "shop", n+1)
	}
	a.putAway()
	if n := a.keys(); n != 300 {
		t.Errorf("of 300 builds that nobody has heard of %d are left", n)
	}
	a.hears()
	finish(t, a.Store, "shop", 301)
	gone := &state.AppServer{ID: "shop-000007.2", Instance: "shop", Number: 7, State: state.Healthy}
	if err := a.CommitSeen(t.Context(), gone.Finish()[1]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		a.putAway()
		if n := a.keys(); n != 1 {
			t.Errorf("%d facts that are over are in etcd, want one", n)
		}
		if got := a.numbers("shop", 0, 3); !slices.Equal(got, []int64{301, 300, 299}) {
			t.Errorf("the newest are %v", got)
		}
		if got := a.numbers("shop", 101, 2); !slices.Equal(got, []int64{100, 99}) {
			t.Errorf("before 101 came %v", got)
		}
		if got := a.numbers("shop", 0, 1000); len(got) != 301 {
			t.Errorf("%d are found", len(got))
		}
	}
	if b, err := a.Build(t.Context(), state.BuildID{Instance: "shop", Number: 42}); err != nil || b.State != state.Failed {
		t.Errorf("number 42: %+v, %v", b, err)
	}
	if _, err := a.Build(t.Context(), state.BuildID{Instance: "shop", Number: 302}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("number 302: %v", err)
	}
	if s, err := a.GoneAppServer(t.Context(), gone.ID); err != nil || s.Number != 7 {
		t.Errorf("the AppServer: %+v, %v", s, err)
	}
	if all, err := a.Gone(t.Context(), "shop", 10); err != nil || len(all) != 1 {
		t.Errorf("AppServers: %v, %v", all, err)
	}
}

// Who dies after the file was written and before etcd has lost it has both.
func TestPutAwayTwice(t *testing.T) {
	a := openAttic(t)
	finish(t, a.Store, "shop", 1)
	finish(t, a.Store, "shop", 2)
	key := state.Key{Kind: state.KindDone, Name: state.BuildName(state.BuildID{Instance: "shop", Number: 2})}
	resp, err := a.cli.Get(t.Context(), "/wright/"+key.String())
	if err != nil || len(resp.Kvs) != 1 {
		t.Fatal(resp, err)
	}
	_, number, name, _ := key.Over()
	if err := a.past.Add("done", "shop", []past.Fact{{Number: number, Name: name, Value: resp.Kvs[0].Value}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := a.numbers("shop", 0, 9); !slices.Equal(got, []int64{2, 1}) {
			t.Errorf("there are %v", got)
		}
		a.hears()
		a.putAway()
	}
	if n := a.keys(); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// Who is late hears of every end once, though etcd has forgotten the order and
// what was heard of is away.
func TestPutAwayKeepsWhatIsNotHeardOf(t *testing.T) {
	a := openAttic(t)
	finish(t, a.Store, "shop", 1)
	a.hears()
	heard := a.Revision() - 1 // what is written down is older than that it is
	finish(t, a.Store, "shop", 2)
	finish(t, a.Store, "blog", 1)
	a.putAway()
	if _, err := a.cli.Compact(t.Context(), a.Revision()); err != nil {
		t.Fatal(err)
	}
	if ids, _ := collect(t, a.Store, heard, 2); !slices.Equal(ids, []string{"shop-000002", "blog-000001"}) {
		t.Errorf("heard of %v", ids)
	}
}

// The history of a deleted instance does not come back.
func TestForgetWhatIsAway(t *testing.T) {
	a := openAttic(t)
	for n := range int64(5) {
		finish(t, a.Store, "shop", n+1)
		finish(t, a.Store, "shop-2", n+1)
	}
	a.hears()
	a.putAway()
	finish(t, a.Store, "shop", 6)
	a.hears()
	if err := a.Forget(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	a.putAway()
	if got, other := a.numbers("shop", 0, 9), a.numbers("shop-2", 0, 9); len(got) != 0 || len(other) != 5 {
		t.Errorf("left are %v and %v", got, other)
	}
}

// What a build may hold at most is put away too, also where etcd has it compressed.
func TestPutAwayLarge(t *testing.T) {
	a := openAttic(t)
	b := &state.Build{ID: "shop-000001", Instance: "shop", Number: 1, State: state.Failed, Error: "line\nline"}
	b.Properties = map[string]string{}
	for i := range 50 {
		b.Properties[fmt.Sprint("P", i)] = string(make([]byte, 4000)) + "\n"
	}
	if err := a.CommitSeen(t.Context(), b.Finish()[1]); err != nil {
		t.Fatal(err)
	}
	a.hears()
	a.putAway()
	got, err := a.Build(t.Context(), b.BuildID())
	if err != nil || a.keys() != 0 || len(got.Properties) != 50 || got.Properties["P7"] != b.Properties["P7"] || got.Error != b.Error {
		t.Errorf("found %d properties, error %q: %v", len(got.Properties), got.Error, err)
	}
}

// By and by Tidy does all that by itself, and old revisions are forgotten.
func TestTidy(t *testing.T) {
	t.Parallel()
	a := openAttic(t)
	finish(t, a.Store, "shop", 1)
	first := a.Revision()
	a.hears()
	ctx, stop := context.WithCancel(t.Context())
	var tidy sync.WaitGroup
	tidy.Go(func() { _ = a.Tidy(ctx, a.etcd) })
	defer tidy.Wait()
	defer stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	forgotten := func() bool {
		_, err := a.cli.Get(t.Context(), "/wright/done/shop/0000000001", clientv3.WithRev(first))
		return errors.Is(err, rpctypes.ErrCompacted)
	}
	for late := time.Now().Add(5 * time.Minute); a.keys() > 0 || !forgotten(); <-tick.C {
		if time.Now().After(late) {
			t.Fatalf("%d facts that are over are left; old revisions are forgotten: %v", a.keys(), forgotten())
		}
	}
	if got := a.numbers("shop", 0, 9); !slices.Equal(got, []int64{1}) {
		t.Errorf("there are %v", got)
	}
}

// The file of etcd does not stay as large as it was once.
func TestEtcdShrinks(t *testing.T) {
	dir := t.TempDir()
	start := func() *store.Embedded {
		e, err := store.Embed(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "member", "snap", "db"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	e := start()
	for _, value := range append(slices.Repeat([]string{strings.Repeat("x", 1<<20)}, 12), "the last") {
		resp, err := e.Client.Put(t.Context(), "/wright/x", value)
		if err == nil && value == "the last" {
			_, err = e.Client.Compact(t.Context(), resp.Header.Revision, clientv3.WithCompactPhysical())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	large := size()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = start()
	defer func() { _ = e.Close() }()
	if small := size(); small > large/2 {
		t.Errorf("the file had %d bytes, and after a start %d", large, small)
	}
	if resp, err := e.Client.Get(t.Context(), "/wright/x"); err != nil || len(resp.Kvs) != 1 || string(resp.Kvs[0].Value) != "the last" {
		t.Errorf("there is %v, %v", resp, err)
	}
}
