package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
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

// quota is how large the database may become.
const quota = 4 << 30

// Embed starts etcd with its data under dir (created if missing). Every write
// is synced to disk before it is acknowledged.
func Embed(ctx context.Context, dir string) (*Embedded, error) {
	return EmbedWithin(ctx, dir, quota)
}

// EmbedWithin is Embed with a database of so many bytes at most.
func EmbedWithin(ctx context.Context, dir string, quota int64) (*Embedded, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start the embedded etcd: %w", err)
	}
	e, err := embed.StartEtcd(embedConfig(dir, quota))
	if err != nil {
		return nil, fmt.Errorf("start the embedded etcd in %s: %w", dir, err)
	}
	select {
	case <-e.Server.ReadyNotify():
		all := &Embedded{Client: v3client.New(e.Server), etcd: e}
		if err := all.shrink(); err != nil {
			return nil, errors.Join(err, all.Close())
		}
		return all, nil
	case err = <-e.Err():
	case <-ctx.Done():
		err = ctx.Err()
	}
	e.Close()
	return nil, fmt.Errorf("start the embedded etcd in %s: %w", dir, err)
}

func embedConfig(dir string, quota int64) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Dir = dir
	cfg.LogLevel = "fatal"
	cfg.LogOutputs = []string{filepath.Clean(dir) + ".log", "stderr"} // the file's disk may be why it ends
	// A member alone votes for nobody but itself: no need to wait long for it.
	cfg.TickMs, cfg.ElectionMs = 20, 200
	// Nor to hurry: an election before the entries of the last life are taken note of
	// as applied meets a log that was compacted meanwhile, and raft panics.
	cfg.InitialElectionTickAdvance = false
	cfg.ListenPeerUrls, cfg.ListenClientUrls = nil, nil
	self := url.URL{Scheme: "http", Host: "localhost:2380"}
	cfg.AdvertisePeerUrls, cfg.AdvertiseClientUrls = []url.URL{self}, []url.URL{self}
	cfg.InitialCluster = cfg.Name + "=" + self.String()
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = "periodic", "10m"
	cfg.QuotaBackendBytes = quota
	// What is younger than the last snapshot is in memory and read at each start. More
	// is kept than comes between two, or raft panics as above.
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = 500, 1500
	return cfg
}

const (
	fewFree  = 8 << 20  // bytes of etcd's file in which there is nothing
	soonDone = 32 << 20 // bytes that are written anew quickly enough, while others wait
)

// shrink writes etcd's file anew if most of it is free: it is mapped into memory,
// and would be for ever as large as it was once.
func (e *Embedded) shrink() error {
	file := e.etcd.Server.Backend()
	used := file.SizeInUse()
	if free := file.Size() - used; free < max(fewFree, used) || used > soonDone {
		return nil
	}
	if err := file.Defrag(); err != nil {
		return fmt.Errorf("shrink the file of the embedded etcd: %w", err)
	}
	return nil
}

// MakeRoom lets etcd take writes again after its database has become as large as
// it may be: what it keeps for nobody is dropped. It says whether there was need.
func (e *Embedded) MakeRoom(ctx context.Context) (needed bool, err error) {
	alarms, err := e.Client.AlarmList(ctx)
	if err != nil || !slices.ContainsFunc(alarms.Alarms, isFull) {
		return false, err
	}
	now, err := e.Client.Get(ctx, root, clientv3.WithCountOnly())
	if err != nil {
		return true, err
	}
	if _, err := e.Client.Compact(ctx, now.Header.Revision, clientv3.WithCompactPhysical()); err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
		return true, err
	}
	file := e.etcd.Server.Backend()
	if err := file.Defrag(); err != nil {
		return true, err
	}
	if most := e.etcd.Config().QuotaBackendBytes; file.Size() > most/10*9 {
		return true, fmt.Errorf("%d of at most %d bytes are in use", file.Size(), most)
	}
	_, err = e.Client.AlarmDisarm(ctx, &clientv3.AlarmMember{})
	return true, err
}

func isFull(a *etcdserverpb.AlarmMember) bool { return a.Alarm == etcdserverpb.AlarmType_NOSPACE }

// Close ends the embedded etcd.
func (e *Embedded) Close() error {
	err := e.Client.Close()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	e.etcd.Close()
	return err
}
