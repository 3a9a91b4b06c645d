package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// ErrDeposed means that nothing was written, since another master leads by now.
var ErrDeposed = errors.New("another master leads now")

// Errors of etcd itself.
var (
	// ErrUnsure means that etcd did not say whether it has written.
	ErrUnsure = errors.New("etcd did not say whether it was written")
	// ErrFull means that etcd takes no more: its database is as large as it may be.
	ErrFull = errors.New("etcd's database is full")
)

// Fence is what makes writes those of one term of a leader: a key that exists as
// long as the term lasts. The zero Fence stands always.
type Fence struct {
	Key     string
	Created int64  // the revision at which Key was made
	Lost    func() // told when a write finds the term over; it must not block
}

// Under returns a store of the same facts, every transaction of which is refused
// with ErrDeposed once the term is over. Whoever keeps it from an earlier term
// can do no harm.
func (s *Store) Under(f Fence) *Store { return &Store{s.live, f} }

// tries is how often a transaction is sent of which etcd has not said whether it
// was made. Every write is one of a fact at a revision, so only one can be.
const tries = 3

// transact runs a transaction if the fence stands, and returns the revision that
// has it.
func (s *Store) transact(ctx context.Context, ifs []clientv3.Cmp, thens []clientv3.Op) (int64, error) {
	if err := s.Room(); err != nil {
		return 0, err
	}
	var elses []clientv3.Op
	if s.fence.Key != "" {
		ifs = append(ifs, clientv3.Compare(clientv3.CreateRevision(s.fence.Key), "=", s.fence.Created))
		elses = append(elses, clientv3.OpGet(s.fence.Key, clientv3.WithKeysOnly()))
	}
	resp, err := s.cli.Txn(ctx).If(ifs...).Then(thens...).Else(elses...).Commit()
	fenced, again := len(elses), false
	for range tries - 1 {
		if err == nil || errors.Is(err, rpctypes.ErrNoSpace) || ctx.Err() != nil {
			break
		}
		if !again {
			again, elses = true, append(elses, reads(thens)...)
		}
		resp, err = s.cli.Txn(ctx).If(ifs...).Then(thens...).Else(elses...).Commit()
	}
	switch {
	case errors.Is(err, rpctypes.ErrNoSpace):
		return 0, ErrFull
	case err != nil:
		return 0, fmt.Errorf("%w: %w", ErrUnsure, err)
	case resp.Succeeded:
		return resp.Header.Revision, nil
	case again && done(thens, resp.Responses[fenced:]):
		return resp.Header.Revision, nil
	case !s.fence.stands(resp):
		if s.fence.Lost != nil {
			s.fence.Lost()
		}
		return 0, ErrDeposed
	case again: // it may have been made, and have been overtaken since
		return 0, ErrUnsure
	}
	return 0, ErrConflict
}

// reads reads what a transaction would write.
func reads(writes []clientv3.Op) (gets []clientv3.Op) {
	for _, w := range writes {
		gets = append(gets, clientv3.OpGet(string(w.KeyBytes())))
	}
	return gets
}

// done says whether all is as a transaction would write it.
func done(writes []clientv3.Op, found []*etcdserverpb.ResponseOp) bool {
	for i, w := range writes {
		kvs := found[i].GetResponseRange().Kvs
		if w.IsPut() != (len(kvs) == 1) || w.IsPut() && !bytes.Equal(kvs[0].Value, w.ValueBytes()) {
			return false
		}
	}
	return true
}

// stands says whether the term lasts, by the answer to a refused transaction.
func (f Fence) stands(resp *clientv3.TxnResponse) bool {
	if f.Key == "" {
		return true
	}
	found := resp.Responses[0].GetResponseRange().Kvs
	return len(found) == 1 && found[0].CreateRevision == f.Created
}
