// Package catalog puts manifests in force, those of a directory and those of
// git repositories: it writes the last good version of each as a fact, and what
// is wrong with the others. It knows nothing of what a manifest means, nor of
// how repositories are followed.
package catalog

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/catalog/repos"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// together is how many manifests change in one transaction: each may hold up
// to 256 KiB, and etcd takes 1.5 MiB at once.
const together = 4

// Catalog is the room; it is the only writer of manifests and their faults.
type Catalog struct {
	store *store.Store
	dir   *manifests.Dir // nil: none
	repos *repos.Repos
	log   *slog.Logger
}

// New makes the room over a directory, which may be nil, and repositories.
func New(st *store.Store, dir *manifests.Dir, r *repos.Repos, log *slog.Logger) *Catalog {
	return &Catalog{store: st, dir: dir, repos: r, log: log}
}

// news is what one source says now.
type news struct {
	source int
	said   Said
}

// Run follows all sources until ctx ends.
func (c *Catalog) Run(ctx context.Context) error {
	var sources []Source
	var follow []func(context.Context, func(Said)) error
	if c.dir != nil {
		sources = append(sources, Source{})
		follow = append(follow, func(ctx context.Context, changed func(Said)) error {
			return c.dir.Run(ctx, func(s manifests.Snapshot) { changed(Said{Snapshot: s}) })
		})
	}
	for _, repo := range c.repos.All() {
		sources = append(sources, sourceOf(repo.What()))
		follow = append(follow, func(ctx context.Context, changed func(Said)) error {
			return repo.Follow(ctx, func(s repos.Snapshot) { changed(saidBy(repo.What(), s)) })
		})
	}
	all, ctx := errgroup.WithContext(ctx)
	arrived := make(chan news)
	for i, f := range follow {
		all.Go(func() error {
			return f(ctx, func(s Said) {
				select {
				case arrived <- news{i, s}:
				case <-ctx.Done():
				}
			})
		})
	}
	all.Go(func() error { return c.take(ctx, sources, arrived) })
	return all.Wait()
}

// take puts in force what arrives.
func (c *Catalog) take(ctx context.Context, sources []Source, arrived <-chan news) error {
	for {
		select {
		case n := <-arrived:
			sources[n.source].Said = &n.said
		case <-ctx.Done():
			return ctx.Err()
		}
		c.put(ctx, sources)
	}
}

// sourceOf is a repository as a source.
func sourceOf(what manifests.Repo) Source {
	return Source{Repo: what.URL, Branch: what.Branch, Directory: what.Directory}
}

// saidBy is what a repository says, with the commits of each file.
func saidBy(what manifests.Repo, s repos.Snapshot) Said {
	origins := make(map[string]state.Origin, len(s.By))
	for name, by := range s.By {
		origins[name] = state.Origin{Repo: what.URL, Branch: what.Branch, Commit: by.ID, Author: by.Author, CommittedAt: by.At}
	}
	return Said{Snapshot: s.Snapshot, Origins: origins}
}

// retryAfter is the pause before what could not be stored is tried again.
const retryAfter = time.Second

// put stores what the sources say, however long that takes: nothing tells of it
// again until one of them changes.
func (c *Catalog) put(ctx context.Context, sources []Source) {
	for ctx.Err() == nil {
		err := c.store.CatchUp(ctx)
		if err == nil {
			err = c.putOnce(ctx, sources)
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

func (c *Catalog) putOnce(ctx context.Context, sources []Source) error {
	var writes []state.Write
	c.store.Read(func(f *state.Facts) { writes = Difference(f, sources, time.Now().UTC()) })
	var failed error
	for part := range slices.Chunk(writes, together) {
		// gofail: var manifestsUnstored struct{}
		if err := c.store.CommitSeen(ctx, part...); err != nil {
			failed = err // it must not stop the others
			continue
		}
		// gofail: var manifestsStored struct{}
		for _, w := range part {
			c.tell(w)
		}
	}
	return failed
}

func (c *Catalog) tell(w state.Write) {
	if fault, ok := w.Value.(*state.Fault); ok {
		log := c.log
		if fault.Commit != "" {
			log = log.With("repo", fault.Repo, "commit", fault.Commit, "author", fault.Author)
		}
		log.Warn("manifest not in force", "name", w.Key.Name, "error", fault.Errors)
		return
	}
	c.log.Info("manifest", "name", w.Key.Name, "kind", w.Key.Kind, "removed", w.Value == nil)
}
