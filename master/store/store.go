// Package store keeps facts in etcd: conditional writes, leases, and one watch
// that feeds the live facts in memory. It knows no rules: which write makes
// sense is decided by the rooms that ask for it.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store/past"
)

// root is the prefix of every key, so that Wright can share a cluster.
const root = "/wright/"

// maxWrites is how many writes one etcd transaction may carry: one less than
// etcd's own default for --max-txn-ops, as the fence takes one comparison.
const maxWrites = 127

// ErrConflict means that a fact was not at the revision a write expected:
// somebody was faster. Read again and decide anew.
var ErrConflict = errors.New("the fact was changed meanwhile")

// Store is one installation's facts. It is safe for concurrent use.
type Store struct {
	*live
	fence Fence
}

// live is what the stores of all terms of a master share.
type live struct {
	cli *clientv3.Client
	log *slog.Logger

	impatient chan struct{} // told by who waits for facts

	disk   *Disk      // nil: etcd is elsewhere
	past   *past.Past // nil: none is kept
	moving sync.Mutex // held while what is over is moved to the past, or forgotten

	mu      sync.RWMutex // guards all below
	facts   *state.Facts
	subs    map[*Subscription]bool
	arrived chan struct{} // closed and replaced when facts move on
}

// New makes a store over a connected client. Call Load before anything reads
// facts and Run to keep them fresh. The caller closes the client.
func New(cli *clientv3.Client, log *slog.Logger) *Store {
	return &Store{live: &live{
		cli: cli, log: log, facts: state.NewFacts(),
		subs: map[*Subscription]bool{}, arrived: make(chan struct{}), impatient: make(chan struct{}, 1),
	}}
}

// Commit makes all writes in one transaction and returns the store revision
// that has them, or ErrConflict or ErrDeposed and makes none. More than 127
// writes are refused.
func (s *Store) Commit(ctx context.Context, writes ...state.Write) (int64, error) {
	if len(writes) == 0 {
		return s.Revision(), nil
	}
	if len(writes) > maxWrites {
		return 0, fmt.Errorf("commit %d writes: at most %d go into one transaction", len(writes), maxWrites)
	}
	ifs, thens, err := txn(writes)
	if err != nil {
		return 0, err
	}
	rev, err := s.transact(ctx, ifs, thens)
	if err != nil {
		return 0, fmt.Errorf("commit %s: %w", writes[0].Key, err)
	}
	return rev, nil
}

// CommitSeen is Commit, and waits until the live facts have the writes, so
// that the next decision of the caller sees them.
func (s *Store) CommitSeen(ctx context.Context, writes ...state.Write) error {
	rev, err := s.Commit(ctx, writes...)
	if err != nil {
		return err
	}
	return s.WaitFor(ctx, rev)
}

func txn(writes []state.Write) (ifs []clientv3.Cmp, thens []clientv3.Op, err error) {
	for _, w := range writes {
		key := root + w.Key.String()
		ifs = append(ifs, clientv3.Compare(clientv3.ModRevision(key), "=", w.Rev))
		if w.Value == nil {
			thens = append(thens, clientv3.OpDelete(key))
			continue
		}
		value, err := state.Encode(w.Value)
		if err != nil {
			return nil, nil, fmt.Errorf("encode fact %s: %w", w.Key, err)
		}
		var opts []clientv3.OpOption
		if w.Lease != 0 {
			opts = append(opts, clientv3.WithLease(clientv3.LeaseID(w.Lease)))
		}
		thens = append(thens, clientv3.OpPut(key, string(value), opts...))
	}
	return ifs, thens, nil
}

// Read runs do over the live facts, which must not be changed or kept (the
// values in its maps may be kept). Writers wait meanwhile: be brief.
func (s *Store) Read(do func(f *state.Facts)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	do(s.facts)
}

// Revision returns the store revision of the live facts.
func (s *Store) Revision() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.facts.Revision
}

// WaitFor waits until the live facts are at least as new as rev.
func (s *Store) WaitFor(ctx context.Context, rev int64) error {
	var late *time.Ticker
	var isLate <-chan time.Time
	for {
		s.mu.RLock()
		now, arrived := s.facts.Revision, s.arrived
		s.mu.RUnlock()
		if now >= rev {
			return nil
		}
		if late == nil {
			late = time.NewTicker(soon)
			isLate = late.C
			defer late.Stop()
		}
		select {
		case <-arrived:
		case <-isLate:
			select {
			case s.impatient <- struct{}{}:
			default:
			}
		case <-ctx.Done():
			return fmt.Errorf("wait for store revision %d: %w", rev, ctx.Err())
		}
	}
}

// CatchUp waits until the live facts have everything that was in the store
// when it was called.
func (s *Store) CatchUp(ctx context.Context) error {
	resp, err := s.cli.Get(ctx, root+"installation", clientv3.WithKeysOnly())
	if err != nil {
		return fmt.Errorf("read the store's revision: %w", err)
	}
	return s.WaitFor(ctx, resp.Header.Revision)
}

// Await waits until holds is true of the live facts, asking again after each
// change of them.
func (s *Store) Await(ctx context.Context, holds func(f *state.Facts) bool) error {
	for {
		s.mu.RLock()
		ok, arrived := holds(s.facts), s.arrived
		s.mu.RUnlock()
		if ok {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Grant makes a lease that ends ttl after it was last kept alive. Whole
// seconds; etcd may round short ones up.
func (s *Store) Grant(ctx context.Context, ttl time.Duration) (int64, error) {
	if err := s.Room(); err != nil {
		return 0, fmt.Errorf("grant a lease of %s: %w", ttl, err)
	}
	resp, err := s.cli.Grant(ctx, int64(ttl/time.Second))
	if err != nil {
		return 0, fmt.Errorf("grant a lease of %s: %w", ttl, err)
	}
	return int64(resp.ID), nil
}

// KeepAlive starts the lease's time anew. A member of etcd that does not answer
// has two others to be asked.
func (s *Store) KeepAlive(ctx context.Context, lease int64) error {
	var err error
	for range 3 {
		try, cancel := context.WithTimeout(ctx, callTime)
		_, err = s.cli.KeepAliveOnce(try, clientv3.LeaseID(lease))
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("keep lease %x alive: %w", lease, err)
	}
	return nil
}

// Revoke ends a lease and every fact under it.
func (s *Store) Revoke(ctx context.Context, lease int64) error {
	if _, err := s.cli.Revoke(ctx, clientv3.LeaseID(lease)); err != nil {
		return fmt.Errorf("revoke lease %x: %w", lease, err)
	}
	return nil
}
