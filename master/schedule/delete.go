package schedule

import (
	"context"
	"fmt"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Deletable says whether an instance can be deleted: it has no manifest any
// more, good or bad, and nothing of it lives.
func (s *Scheduler) Deletable(instance string) (err error) {
	s.store.Read(func(f *state.Facts) { err = deletable(f, instance) })
	if err != nil {
		err = fmt.Errorf("delete %s: %w", instance, err)
	}
	return err
}

func deletable(f *state.Facts, instance string) error {
	switch i := f.Instances[instance]; {
	case f.Manifests[instance] != nil:
		return fmt.Errorf("%w: remove its manifest %s first", state.ErrLives, f.Manifests[instance].Manifest.File)
	case f.Faults[instance] != nil:
		return fmt.Errorf("%w: its manifest has errors; remove it first", state.ErrLives)
	case len(f.OfInstance(instance)) > 0:
		return fmt.Errorf("%w: builds are under way; cancel them first", state.ErrLives)
	case len(f.Servers(instance)) > 0:
		return fmt.Errorf("%w: it has AppServers; terminate them first", state.ErrLives)
	case i == nil || i.Deleted:
		return ErrNoInstance
	}
	return nil
}

// Delete forgets an instance that is Deletable, with its history. Its numbers
// are not given again. It may be repeated after an error.
func (s *Scheduler) Delete(ctx context.Context, instance string) error {
	if err := s.Deletable(instance); err != nil {
		return err
	}
	if err := s.store.Forget(ctx, instance); err != nil {
		return err
	}
	var drops []state.Write
	s.store.Read(func(f *state.Facts) { drops = rest(f, instance) })
	if err := s.store.CommitSeen(ctx, drops...); err != nil {
		return fmt.Errorf("delete %s: %w", instance, err)
	}
	_, err := s.ask(ctx, instance, func(i *state.Instance, m *manifests.Manifest) (*state.Build, error) {
		if m != nil {
			return nil, fmt.Errorf("delete %s: %w: it has a manifest again", instance, state.ErrLives)
		}
		*i = state.Instance{Meta: i.Meta, Name: instance, LastNumber: i.LastNumber, Deleted: true}
		return nil, nil
	})
	return err
}

// rest deletes what is remembered of an instance of which nothing lives.
func rest(f *state.Facts, instance string) []state.Write {
	var writes []state.Write
	if l := f.Lasts[instance]; l != nil {
		writes = append(writes, l.Put().Drop())
	}
	if r := f.Reports[instance]; r != nil {
		writes = append(writes, r.Put().Drop())
	}
	if r := f.Refusals[instance]; r != nil {
		writes = append(writes, r.Put().Drop())
	}
	if a := f.Actives[instance]; a != nil {
		writes = append(writes, a.Put().Drop())
	}
	return writes
}
