package store_test

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

func TestEmbedded(t *testing.T) {
	e, err := store.Embed(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	storetest.Run(t, e.Client)
}

func TestOverTheWire(t *testing.T) {
	storetest.Run(t, overTheWire(t))
}

// overTheWire starts an etcd that listens and returns a client that dials it.
func overTheWire(t *testing.T) *clientv3.Client {
	dir := t.TempDir()
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel = filepath.Join(dir, "etcd"), "fatal"
	endpoint := url.URL{Scheme: "unix", Path: filepath.Join(dir, "c")}
	cfg.ListenPeerUrls, cfg.ListenClientUrls = nil, []url.URL{endpoint}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	cli, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint.String()}, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	return cli
}

func TestInstallationIsMadeOnce(t *testing.T) {
	s := storetest.Embedded(t)
	for _, fresh := range []string{"one", "two"} {
		if got, err := s.Installation(t.Context(), fresh); err != nil || got != "one" {
			t.Errorf("installation offered %q: %q, %v; want one", fresh, got, err)
		}
	}
}

func TestFactsSurviveARestartOfEtcd(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		e, err := store.Embed(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		s := storetest.Open(t, e.Client)
		var name *state.Instance
		s.Read(func(f *state.Facts) { name = f.Instances["kept"] })
		if name == nil {
			name = &state.Instance{Name: "kept"}
		}
		next := *name
		next.LastNumber++
		if err := s.CommitSeen(t.Context(), next.Put()); err != nil {
			t.Fatal(err)
		}
		s.Read(func(f *state.Facts) { name = f.Instances["kept"] })
		t.Logf("number %d", name.LastNumber)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if name.LastNumber == 3 {
			return
		}
	}
	t.Error("the number did not survive")
}
