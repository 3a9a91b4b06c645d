package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/wright-build/wright/master/state"
)

// historyKinds are read on demand, never kept in memory.
func history(k state.Kind) bool { return k == state.KindDone || k == state.KindGone }

// liveKinds are all the others: what Load reads and Run follows.
func liveKinds() []state.Kind {
	return []state.Kind{
		state.KindInForce, state.KindFault, state.KindInstance, state.KindBuild, state.KindLast, state.KindAgent,
		state.KindRef, state.KindReport, state.KindRefusal, state.KindAppServer, state.KindActive, state.KindSecret, state.KindHeldBack,
		state.KindNotice, state.KindTally, state.KindHeard, state.KindStanding,
	}
}

// Load reads all live facts as of one revision and replaces what is in memory. If
// that revision is forgotten meanwhile, it begins again with a newer one.
func (s *Store) Load(ctx context.Context) error {
	for {
		if err := s.load(ctx); !errors.Is(err, rpctypes.ErrCompacted) {
			return err
		}
	}
}

func (s *Store) load(ctx context.Context) error {
	facts := state.NewFacts()
	var rev int64
	for _, kind := range liveKinds() {
		opts := []clientv3.OpOption{clientv3.WithPrefix()}
		if rev != 0 {
			opts = append(opts, clientv3.WithRev(rev))
		}
		resp, err := s.cli.Get(ctx, root+string(kind)+"/", opts...)
		if err != nil {
			return fmt.Errorf("load facts of kind %s: %w", kind, err)
		}
		if rev == 0 {
			rev = resp.Header.Revision
		}
		for _, kv := range resp.Kvs {
			s.take(facts, string(kv.Key), kv.Value, kv.ModRevision)
		}
	}
	facts.Revision = rev
	s.replace(facts)
	return nil
}

// Run follows the store until ctx ends. When it cannot go on from where it is
// (compacted, connection lost), it loads everything anew.
func (s *Store) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.follow(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("following the store again from a fresh copy", "error", err)
			if err := s.Load(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("loading the facts; next try in a second", "error", err)
				pause(ctx, time.Second)
			}
		}
	}
	return nil
}

const (
	soon     = 50 * time.Millisecond // who waits for longer asks etcd how far it is
	signTime = time.Second           // how often a watch must give a sign of life
	lostTime = 3 * time.Second       // after which a watch without one is given up
)

// errLost is the end of a watch that nothing was heard of.
var errLost = fmt.Errorf("nothing was heard for %s", lostTime)

func (s *Store) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(clientv3.WithRequireLeader(ctx))
	heard := make(chan struct{}, 1)
	asking := make(chan struct{})
	defer func() { cancel(nil); <-asking }()
	go func() { defer close(asking); s.ask(ctx, heard, cancel) }()
	from := s.Revision() + 1
	for resp := range s.cli.Watch(ctx, root, clientv3.WithPrefix(), clientv3.WithRev(from)) {
		if err := resp.Err(); err != nil {
			return fmt.Errorf("watch from revision %d: %w", from, err)
		}
		s.apply(reached(resp), resp.Events)
		select {
		case heard <- struct{}{}:
		default:
		}
	}
	return fmt.Errorf("watch from revision %d ended: %w", from, context.Cause(ctx))
}

// reached is up to which revision a watch has told all. Who is more than 1,000
// revisions behind is told them in several answers, and each has in its header the
// revision of the store.
func reached(resp clientv3.WatchResponse) int64 {
	if n := len(resp.Events); n > 0 {
		return resp.Events[n-1].Kv.ModRevision
	}
	return resp.Header.Revision // of progress
}

// ask has the watch tell how far it is: for those who wait for a revision that
// somebody else's write has made, and for a sign of life. A member of etcd that
// sleeps keeps its watches, and says nothing.
func (s *Store) ask(ctx context.Context, heard <-chan struct{}, giveUp context.CancelCauseFunc) {
	sign := time.NewTicker(signTime)
	defer sign.Stop()
	for last := time.Now(); ; {
		select {
		case <-heard:
			last = time.Now()
			continue
		case <-s.impatient:
		case <-sign.C:
			if time.Since(last) > lostTime {
				giveUp(errLost)
				return
			}
		case <-ctx.Done():
			return
		}
		if err := s.cli.RequestProgress(ctx); err != nil && ctx.Err() == nil {
			giveUp(err)
			return
		}
	}
}

func (s *Store) apply(rev int64, events []*clientv3.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		key, ok := state.ParseKey(strings.TrimPrefix(string(e.Kv.Key), root))
		if !ok || history(key.Kind) {
			continue
		}
		if e.Type == clientv3.EventTypeDelete {
			s.facts.Delete(key)
		} else {
			s.take(s.facts, string(e.Kv.Key), e.Kv.Value, e.Kv.ModRevision)
		}
		for sub := range s.subs {
			sub.touch(key)
		}
	}
	s.facts.Revision = max(s.facts.Revision, rev)
	s.announce()
}

// take puts one fact in; one that cannot be read is reported and left out, it
// must not stop the others.
func (s *Store) take(facts *state.Facts, key string, value []byte, rev int64) {
	k, ok := state.ParseKey(strings.TrimPrefix(key, root))
	if !ok || history(k.Kind) {
		return
	}
	if err := facts.Put(k, value, rev); err != nil {
		s.log.Error("a fact in the store cannot be read", "key", key, "error", err)
	}
}

func (s *Store) replace(facts *state.Facts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts = facts
	for sub := range s.subs {
		sub.touchAll()
	}
	s.announce()
}

// announce wakes everybody who waits for newer facts. The caller holds mu.
func (s *Store) announce() {
	close(s.arrived)
	s.arrived = make(chan struct{})
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
