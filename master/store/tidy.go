package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store/past"
)

const (
	tidyEvery = 5 * time.Second
	fewOver   = 1000        // facts that are over: so many may stay in etcd
	fewRevs   = 1000        // old revisions: so many, too
	rarely    = time.Minute // or for so long
)

// KeepPast has facts that are over looked for in files too. Tidy brings them
// there.
func (s *Store) KeepPast(p *past.Past) { s.past = p }

// Tidy keeps etcd small until ctx ends, whatever the length of history: what is
// over goes to files, and of old revisions few are kept. etcd has all keys in
// memory, and reads all values when it starts. A cluster is not ours alone, and has
// no disk beside it.
//
// What is over is in a file and on the disk before etcd loses it: whoever dies in
// between does it again.
func (s *Store) Tidy(ctx context.Context, e *Embedded) error {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	var put, forgot, made time.Time
	var before, oldest int64 // revisions: when it ticked last, and the oldest that is kept
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return nil
		case now = <-tick.C:
		}
		if s.Room() != nil {
			continue // what makes room in etcd takes some on its disk first
		}
		if now.Sub(put) >= rarely || s.manyOver(ctx) {
			put = now
			s.try(ctx, "putting away what is over", s.PutAway)
		}
		if before >= oldest+fewRevs || before > oldest && now.Sub(forgot) >= rarely {
			oldest, forgot = before, now
			s.try(ctx, "forgetting old revisions", func(ctx context.Context) error { return s.forgetRevisions(ctx, oldest) })
			s.try(ctx, "shrinking the file of etcd", func(context.Context) error { return e.shrink() })
		}
		if now.Sub(made) >= rarely {
			s.try(ctx, "making room in etcd, whose database is full", func(ctx context.Context) error {
				needed, err := e.MakeRoom(ctx)
				if needed {
					made = now
					s.log.Warn("etcd's database was full; old revisions were forgotten", "error", err)
				}
				return err
			})
		}
		before = s.Revision() // who follows is not that late
	}
}

// try does what is done again some time if it cannot be done now.
func (s *Store) try(ctx context.Context, what string, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn(what+"; trying again", "error", err)
	}
}

func (s *Store) manyOver(ctx context.Context) bool {
	resp, err := s.cli.Get(ctx, root+string(state.KindDone)+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
	return err == nil && resp.Count >= fewOver
}

// forgetRevisions makes etcd forget how facts were before a revision.
func (s *Store) forgetRevisions(ctx context.Context, at int64) error {
	if _, err := s.cli.Compact(ctx, at); err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
		return err
	}
	return nil
}

// PutAway moves what is over by now from etcd to files: builds of which whoever
// follows ends has heard, and AppServers.
func (s *Store) PutAway(ctx context.Context) error {
	heard := int64(0)
	s.Read(func(f *state.Facts) {
		if h := f.Heard(); h != nil {
			heard = h.Revision
		}
	})
	if err := s.putAway(ctx, state.KindDone, heard); err != nil {
		return err
	}
	return s.putAway(ctx, state.KindGone, s.Revision())
}

// page is how many facts that are over are moved at once.
const page = 8 * maxWrites

// putAway moves the facts of a kind that were written up to a revision.
func (s *Store) putAway(ctx context.Context, kind state.Kind, until int64) error {
	prefix := root + string(kind) + "/"
	end := clientv3.GetPrefixRangeEnd(prefix)
	for from := prefix; from != ""; {
		var err error
		if from, err = s.move(ctx, kind, from, end, until); err != nil {
			return err
		}
	}
	return nil
}

// move moves the first facts of a range, and returns where those begin that are
// left, "" if there are none. Nothing is forgotten meanwhile, which must not come
// back.
func (s *Store) move(ctx context.Context, kind state.Kind, from, end string, until int64) (next string, err error) {
	s.moving.Lock()
	defer s.moving.Unlock()
	resp, err := s.cli.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(page))
	if err != nil {
		return "", fmt.Errorf("read facts of kind %s: %w", kind, err)
	}
	all := map[string][]past.Fact{}
	var moved []*mvccpb.KeyValue
	for _, kv := range resp.Kvs {
		key, _ := state.ParseKey(strings.TrimPrefix(string(kv.Key), root))
		instance, number, name, ok := key.Over()
		value, err := state.Plain(kv.Value)
		if !ok || err != nil || kv.ModRevision > until {
			continue // what no release of ours can have written stays where it is
		}
		all[instance] = append(all[instance], past.Fact{Number: number, Name: name, Value: value})
		moved = append(moved, kv)
	}
	for instance, facts := range all {
		if err := s.past.Add(string(kind), instance, facts); err != nil {
			return "", err
		}
		// gofail: var pastKept struct{}
	}
	if err := s.drop(ctx, moved); err != nil {
		return "", fmt.Errorf("delete facts of kind %s that are kept in files: %w", kind, err)
	}
	if resp.More {
		next = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
	return next, nil
}

// drop deletes facts as they were read. What was changed since stays.
func (s *Store) drop(ctx context.Context, all []*mvccpb.KeyValue) error {
	for some := range slices.Chunk(all, maxWrites) {
		var ifs []clientv3.Cmp
		var drops []clientv3.Op
		for _, kv := range some {
			ifs = append(ifs, clientv3.Compare(clientv3.ModRevision(string(kv.Key)), "=", kv.ModRevision))
			drops = append(drops, clientv3.OpDelete(string(kv.Key)))
		}
		if _, err := s.transact(ctx, ifs, drops); err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return nil
}
