// Package catalog puts the manifests of a directory in force: it writes the
// last good version of each as a fact, and what is wrong with the others. It
// knows nothing of what a manifest means.
package catalog

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// together is how many manifests change in one transaction: each may hold up
// to 256 KiB, and etcd takes 1.5 MiB at once.
const together = 4

// Catalog is the room; it is the only writer of manifests and their faults.
type Catalog struct {
	store *store.Store
	dir   *manifests.Dir
	log   *slog.Logger
}

// New makes the room over a directory.
func New(st *store.Store, dir *manifests.Dir, log *slog.Logger) *Catalog {
	return &Catalog{store: st, dir: dir, log: log}
}

// Run follows the directory until ctx ends.
func (c *Catalog) Run(ctx context.Context) error {
	return c.dir.Run(ctx, func(s manifests.Snapshot) { c.put(ctx, s) })
}

// retryAfter is the pause before what could not be stored is tried again.
const retryAfter = time.Second

// put stores what the directory says, however long that takes: nothing tells of
// it again until the directory changes.
func (c *Catalog) put(ctx context.Context, s manifests.Snapshot) {
	for ctx.Err() == nil {
		err := c.store.CatchUp(ctx)
		if err == nil {
			err = c.putOnce(ctx, s)
		}
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			c.log.Error("manifests could not be stored; trying again", "error", err)
		}
		t := time.NewTimer(retryAfter)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

func (c *Catalog) putOnce(ctx context.Context, s manifests.Snapshot) error {
	var writes []state.Write
	c.store.Read(func(f *state.Facts) { writes = Difference(f, s, time.Now().UTC()) })
	var failed error
	for part := range slices.Chunk(writes, together) {
		if err := c.store.CommitSeen(ctx, part...); err != nil {
			failed = err // it must not stop the others
			continue
		}
		for _, w := range part {
			c.tell(w)
		}
	}
	return failed
}

func (c *Catalog) tell(w state.Write) {
	if fault, ok := w.Value.(*state.Fault); ok {
		c.log.Warn("manifest not in force", "name", w.Key.Name, "error", fault.Errors)
		return
	}
	c.log.Info("manifest", "name", w.Key.Name, "kind", w.Key.Kind, "removed", w.Value == nil)
}

// Difference says what must be written so that the facts are what the
// directory says. The last good version of a manifest that went bad stays.
func Difference(f *state.Facts, s manifests.Snapshot, now time.Time) []state.Write {
	var writes []state.Write
	for _, name := range slices.Sorted(maps.Keys(s.Manifests)) {
		m, old := s.Manifests[name], f.Manifests[name]
		if old == nil || old.Manifest.Digest != m.Digest || old.File != m.File {
			next := state.InForce{Instance: name, File: m.File, Text: s.Texts[name], Since: now}
			next.Rev = f.Unreadable[name]
			if old != nil {
				next.Meta = old.Meta
			}
			writes = append(writes, next.Put())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Manifests)) {
		if s.Manifests[name] == nil && s.Errors[name] == nil {
			writes = append(writes, f.Manifests[name].Put().Drop())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Unreadable)) {
		if s.Manifests[name] == nil && s.Errors[name] == nil {
			gone := state.InForce{Instance: name, Meta: state.Meta{Rev: f.Unreadable[name]}}
			writes = append(writes, gone.Put().Drop())
		}
	}
	return append(writes, faults(f, s, now)...)
}

func faults(f *state.Facts, s manifests.Snapshot, now time.Time) []state.Write {
	var writes []state.Write
	for _, name := range slices.Sorted(maps.Keys(s.Errors)) {
		next := state.Fault{Name: name, Errors: s.Errors[name], Since: now}
		if old := f.Faults[name]; old != nil {
			if slices.EqualFunc(old.Errors, next.Errors, same) {
				continue
			}
			next.Meta = old.Meta
		}
		writes = append(writes, next.Put())
	}
	for _, name := range slices.Sorted(maps.Keys(f.Faults)) {
		if s.Errors[name] == nil {
			writes = append(writes, f.Faults[name].Put().Drop())
		}
	}
	return writes
}

func same(a, b *manifests.Error) bool { return *a == *b }
