package store_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// A write of which etcd does not say whether it was made is sent again, and made
// once: also where only the answer was lost.
func TestLostAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		lost int32 // so many answers are
		made bool  // though what was asked was done
		want error
	}{
		"one, and it was made":     {1, true, nil},
		"one, and it was not":      {1, false, nil},
		"all, and it was not made": {99, false, store.ErrUnsure},
	} {
		t.Run(name, func(t *testing.T) {
			var left atomic.Int32
			s := store.New(throughALoss(t, &left, c.made), slog.New(slog.DiscardHandler))
			one := &state.Instance{Name: "one", LastNumber: 7}
			left.Store(c.lost)
			if _, err := s.Commit(t.Context(), one.Put()); !errors.Is(err, c.want) {
				t.Fatalf("the commit ends with %v, want %v", err, c.want)
			}
			left.Store(0)
			other := &state.Instance{Name: "one", LastNumber: 8}
			if _, err := s.Commit(t.Context(), other.Put()); c.want == nil && !errors.Is(err, store.ErrConflict) {
				t.Errorf("what was written is not there: %v", err)
			}
		})
	}
}

// throughALoss is a client of an etcd whose answers to transactions are lost as
// often as left says.
func throughALoss(t *testing.T, left *atomic.Int32, made bool) *clientv3.Client {
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
	lose := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if _, write := req.(*etcdserverpb.TxnRequest); !write || left.Add(-1) < 0 {
			return invoke(ctx, method, req, reply, cc, opts...)
		}
		if made {
			if err := invoke(ctx, method, req, reply, cc, opts...); err != nil {
				return err
			}
		}
		return status.Error(codes.Unavailable, "lost")
	}
	cli, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint.String()}, DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(lose)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	return cli
}
