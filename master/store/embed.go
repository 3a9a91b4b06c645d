package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// Embedded is an etcd inside this process: the default on one machine. It
// listens nowhere; its only client is Client.
type Embedded struct {
	Client *clientv3.Client
	etcd   *embed.Etcd
}

// Embed starts etcd with its data under dir (created if missing). Every write
// is synced to disk before it is acknowledged.
func Embed(ctx context.Context, dir string) (*Embedded, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start the embedded etcd: %w", err)
	}
	e, err := embed.StartEtcd(embedConfig(dir))
	if err != nil {
		return nil, fmt.Errorf("start the embedded etcd in %s: %w", dir, err)
	}
	select {
	case <-e.Server.ReadyNotify():
		return &Embedded{Client: v3client.New(e.Server), etcd: e}, nil
	case err = <-e.Err():
	case <-ctx.Done():
		err = ctx.Err()
	}
	e.Close()
	return nil, fmt.Errorf("start the embedded etcd in %s: %w", dir, err)
}

func embedConfig(dir string) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Dir = dir
	cfg.LogLevel = "fatal"
	cfg.LogOutputs = []string{filepath.Clean(dir) + ".log"}
	// A member alone votes for nobody but itself: no need to wait long for it.
	cfg.TickMs, cfg.ElectionMs = 20, 200
	cfg.ListenPeerUrls, cfg.ListenClientUrls = nil, nil
	self := url.URL{Scheme: "http", Host: "localhost:2380"}
	cfg.AdvertisePeerUrls, cfg.AdvertiseClientUrls = []url.URL{self}, []url.URL{self}
	cfg.InitialCluster = cfg.Name + "=" + self.String()
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = "periodic", "10m"
	cfg.QuotaBackendBytes = 4 << 30
	cfg.SnapshotCount = 10000
	return cfg
}

// Close ends the embedded etcd.
func (e *Embedded) Close() error {
	err := e.Client.Close()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	e.etcd.Close()
	return err
}
