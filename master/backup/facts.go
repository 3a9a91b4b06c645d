package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// gap is how many numbers of builds are left out after a restore: more than were
// given after the backup was taken. Agents and providers may remember builds that
// the restored facts do not know; none of them must be mistaken for a new one.
const gap = 1000

// renumber changes the facts in an etcd's directory so that nothing new is called
// like something that happened after the backup: numbers of builds go on higher, and
// what was queued begins with the next attempt.
func renumber(ctx context.Context, dir string) (instances, requeued int, err error) {
	e, err := store.Embed(ctx, dir)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	s := store.New(e.Client, slog.New(slog.DiscardHandler))
	if err := s.Load(ctx); err != nil {
		return 0, 0, err
	}
	var writes []state.Write
	s.Read(func(f *state.Facts) {
		writes = renumbered(f)
		instances = len(f.Instances)
		requeued = f.Queued()
	})
	for _, w := range writes {
		if _, err := s.Commit(ctx, w); err != nil {
			return 0, 0, fmt.Errorf("number builds higher: %w", err)
		}
	}
	return instances, requeued, nil
}

func renumbered(f *state.Facts) (writes []state.Write) {
	for _, i := range f.Instances {
		higher := *i
		higher.LastNumber += gap
		writes = append(writes, higher.Put())
	}
	for _, b := range f.Builds {
		if b.State == state.Queued {
			next := *b
			next.Attempt++
			writes = append(writes, next.Put())
		}
	}
	return writes
}
