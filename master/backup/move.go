package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/wright-build/wright/master/store"
)

// prefix is where facts are, in every etcd.
const prefix = "/wright/"

// Refusals of Move.
var (
	ErrInUse = errors.New("a master uses it: stop that first")
	ErrTaken = errors.New("there are facts of Wright in the cluster already")
	ErrMoved = errors.New("its facts were moved to a cluster already")
	ErrOld   = errors.New("the cluster is shared with others, and its revisions are too low to be raised: take one of its own, or restore its members with etcdutl")
)

// Moved is what was moved.
type Moved struct {
	Facts    int   `json:"facts"`
	Revision int64 `json:"revision"` // of the cluster, from which facts begin
}

// Move copies the facts of a data directory that no master uses from its etcd into a
// cluster, and leaves the old etcd aside. Revisions do not go backwards, since
// facts tell each other's age by them. Facts with a lease, such as agents, stay
// behind: they come again by themselves. What fails leaves the cluster as it was.
func Move(ctx context.Context, data string, cluster *clientv3.Client) (m Moved, err error) {
	unlock, err := lock(data)
	if err != nil {
		return m, err
	}
	defer unlock()
	dir := filepath.Join(data, "etcd")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		if err == nil {
			err = ErrMoved
		}
		return m, fmt.Errorf("%s: %w", data, err)
	}
	e, err := store.Embed(ctx, dir)
	if err != nil {
		return m, err
	}
	m, err = move(ctx, e.Client, cluster)
	if err = errors.Join(err, e.Close()); err != nil {
		return m, fmt.Errorf("move the facts: %w", err)
	}
	return m, putAside(dir)
}

// lock takes the lock of a data directory, as a master does.
func lock(data string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(data, "master.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", data, ErrInUse), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// putAside leaves a file where the directory of etcd was, so that a master that is
// started without the cluster stops there, and does not begin with no facts.
func putAside(dir string) error {
	if err := os.Rename(dir, dir+".moved"); err != nil {
		return fmt.Errorf("put the old etcd aside: %w", err)
	}
	text := "The facts are in a cluster: start the master with --etcd-endpoints.\nWhat was here is in etcd.moved.\n"
	if err := os.WriteFile(dir, []byte(text), 0o600); err != nil {
		return fmt.Errorf("put the old etcd aside: %w", err)
	}
	return nil
}

func move(ctx context.Context, from, to *clientv3.Client) (m Moved, err error) {
	all, err := to.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err == nil && all.Count > 0 {
		err = ErrTaken
	}
	if err != nil {
		return m, err
	}
	source, err := from.Get(ctx, prefix, clientv3.WithCountOnly())
	if err != nil {
		return m, err
	}
	defer func() {
		if err != nil { // nothing of ours was there before
			_, undo := to.Delete(context.WithoutCancel(ctx), prefix, clientv3.WithPrefix())
			err = errors.Join(err, undo)
		}
	}()
	if err := raise(ctx, to, source.Header.Revision); err != nil {
		return m, fmt.Errorf("raise the revision of the cluster to %d: %w", source.Header.Revision, err)
	}
	return copyFacts(ctx, from, to, source.Header.Revision)
}

const (
	raisers   = 64      // that raise the revision, beside each other
	forgetAt  = 50_000  // revisions after which a cluster of our own forgets them
	maxShared = 500_000 // revisions that a shared cluster is burdened with
)

// raise writes a key, over and over, until the revision is as high as wanted.
func raise(ctx context.Context, to *clientv3.Client, want int64) error {
	whole, err := to.Get(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithCountOnly())
	if err != nil {
		return err
	}
	alone := whole.Count == 0
	if !alone && want-whole.Header.Revision > maxShared {
		return ErrOld
	}
	var now atomic.Int64
	now.Store(whole.Header.Revision)
	all, ctx := errgroup.WithContext(ctx)
	for range raisers {
		all.Go(func() error {
			for now.Load() < want {
				put, err := to.Put(ctx, prefix+"raising", "")
				if err != nil {
					return err
				}
				rev := put.Header.Revision
				now.Store(rev)
				if alone && rev%forgetAt == 0 {
					if _, err := to.Compact(ctx, rev); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	_, err = to.Delete(context.WithoutCancel(ctx), prefix+"raising")
	return err
}

const (
	pageSize = 1000    // facts that are read at once
	maxOps   = 100     // facts that are written at once
	maxBytes = 500_000 // of them
)

// copyFacts copies all facts without a lease.
func copyFacts(ctx context.Context, from, to *clientv3.Client, rev int64) (m Moved, err error) {
	end := clientv3.GetPrefixRangeEnd(prefix)
	b := batch{to: to}
	for at := prefix; at != ""; {
		page, err := from.Get(ctx, at, clientv3.WithRange(end), clientv3.WithLimit(pageSize), clientv3.WithRev(rev))
		if err != nil {
			return m, err
		}
		at = ""
		for _, kv := range page.Kvs {
			if page.More {
				at = string(kv.Key) + "\x00"
			}
			if kv.Lease != 0 || strings.HasPrefix(string(kv.Key), prefix+"leader") {
				continue
			}
			m.Facts++
			if err := b.put(ctx, string(kv.Key), string(kv.Value)); err != nil {
				return m, err
			}
		}
	}
	if err := b.flush(ctx); err != nil {
		return m, err
	}
	there, err := to.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err == nil && there.Count != int64(m.Facts) {
		err = fmt.Errorf("%d facts were copied, and the cluster has %d: somebody else writes there", m.Facts, there.Count)
	}
	if err == nil {
		m.Revision = there.Header.Revision
	}
	return m, err
}

// batch writes facts, many in a transaction.
type batch struct {
	to    *clientv3.Client
	ifs   []clientv3.Cmp
	thens []clientv3.Op
	bytes int
}

func (b *batch) put(ctx context.Context, key, value string) error {
	if len(b.thens) == maxOps || len(b.thens) > 0 && b.bytes+len(value) > maxBytes {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	b.ifs = append(b.ifs, clientv3.Compare(clientv3.CreateRevision(key), "=", 0))
	b.thens = append(b.thens, clientv3.OpPut(key, value))
	b.bytes += len(value)
	return nil
}

func (b *batch) flush(ctx context.Context) error {
	if len(b.thens) == 0 {
		return nil
	}
	resp, err := b.to.Txn(ctx).If(b.ifs...).Then(b.thens...).Commit()
	if err == nil && !resp.Succeeded {
		err = ErrTaken
	}
	b.ifs, b.thens, b.bytes = nil, nil, 0
	return err
}
