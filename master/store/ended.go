package store

import (
	"cmp"
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
)

// Ending is a build that has ended.
type Ending struct {
	ID    state.BuildID
	value []byte
}

// Build is the build as it ended.
func (e Ending) Build() (*state.Build, error) {
	b := new(state.Build)
	if err := state.Decode(e.value, b); err != nil {
		return nil, fmt.Errorf("decode build %s: %w", e.ID, err)
	}
	return b, nil
}

// Ended hands out the builds that ended after a store revision, and then those
// that end, until ctx ends or do says no. do is told the revision up to which it
// has seen all of them: whoever goes on from there misses none and hears of none
// twice.
func (s *Store) Ended(ctx context.Context, after int64, do func(rev int64, ends []Ending) error) error {
	for ctx.Err() == nil {
		at, err := s.followEnds(ctx, after, do)
		after = max(after, at)
		if errors.Is(err, rpctypes.ErrCompacted) && ctx.Err() == nil {
			after, err = s.endsAfter(ctx, after, do)
		}
		switch {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, errWatch):
			s.log.Warn("following the ends of builds again", "error", err)
			pause(ctx, time.Second)
		default:
			return err
		}
	}
	return nil
}

// errWatch is trouble of the watch itself.
var errWatch = errors.New("watch the ends of builds")

// endsPrefix is where finished builds are.
const endsPrefix = root + string(state.KindDone) + "/"

// followEnds hands out ends as they come, and returns how far it came.
func (s *Store) followEnds(ctx context.Context, after int64, do func(int64, []Ending) error) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := s.cli.Watch(ctx, endsPrefix, clientv3.WithPrefix(), clientv3.WithRev(after+1), clientv3.WithFilterDelete(), clientv3.WithProgressNotify())
	for resp := range watch {
		if err := resp.Err(); err != nil {
			return after, fmt.Errorf("%w from revision %d: %w", errWatch, after, err)
		}
		at := reached(resp)
		if at <= after {
			continue
		}
		ends := make([]Ending, 0, len(resp.Events))
		for _, e := range resp.Events {
			ends = appendEnding(ends, e.Kv)
		}
		if err := do(at, ends); err != nil {
			return after, err
		}
		after = at
	}
	return after, errWatch
}

// endPage is how many keys of finished builds are read at once.
const endPage = 10_000

// endsAfter finds the ends after a revision among all finished builds, where the
// store has forgotten them, and hands them out as they came.
func (s *Store) endsAfter(ctx context.Context, after int64, do func(int64, []Ending) error) (int64, error) {
	keys, until, err := s.endKeys(ctx, after)
	if err != nil {
		return after, fmt.Errorf("%w, looking for those after revision %d: %w", errWatch, after, err)
	}
	slices.SortFunc(keys, func(a, b *mvccpb.KeyValue) int { return cmp.Compare(a.ModRevision, b.ModRevision) })
	for len(keys) > 0 {
		at, ends := keys[0].ModRevision, []Ending(nil)
		for ; len(keys) > 0 && keys[0].ModRevision == at; keys = keys[1:] {
			resp, err := s.cli.Get(ctx, string(keys[0].Key))
			if err != nil {
				return after, fmt.Errorf("%w, reading %s: %w", errWatch, keys[0].Key, err)
			}
			for _, kv := range resp.Kvs { // none, if it was deleted meanwhile
				ends = appendEnding(ends, kv)
			}
		}
		if err := do(at, ends); err != nil {
			return after, err
		}
		after = at
	}
	return until, do(until, nil)
}

// endKeys lists the keys of builds that ended after a revision, and tells up to
// which revision these are all.
func (s *Store) endKeys(ctx context.Context, after int64) (keys []*mvccpb.KeyValue, until int64, err error) {
	from, end := endsPrefix, clientv3.GetPrefixRangeEnd(endsPrefix)
	for {
		opts := []clientv3.OpOption{clientv3.WithRange(end), clientv3.WithLimit(endPage), clientv3.WithKeysOnly()}
		if until != 0 {
			opts = append(opts, clientv3.WithRev(until))
		}
		page, err := s.cli.Get(ctx, from, opts...)
		if err != nil {
			return nil, 0, err
		}
		until = cmp.Or(until, page.Header.Revision)
		for _, kv := range page.Kvs {
			if kv.ModRevision > after {
				keys = append(keys, kv)
			}
		}
		if !page.More {
			return keys, until, nil
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}

// appendEnding leaves out what no build of ours can be.
func appendEnding(all []Ending, kv *mvccpb.KeyValue) []Ending {
	instance, number, ok := strings.Cut(strings.TrimPrefix(string(kv.Key), endsPrefix), "/")
	id, err := state.ParseBuildID(instance + "-" + number)
	if !ok || err != nil {
		return all
	}
	return append(all, Ending{id, kv.Value})
}
