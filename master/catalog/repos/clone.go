package repos

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/wright-build/wright/manifests"
)

const (
	tipRef  = plumbing.ReferenceName("refs/wright/tip")  // fetched last
	readRef = plumbing.ReferenceName("refs/wright/read") // read last
)

// maxPacks is how many fetches a clone has room for: then it is made anew.
const maxPacks = 200

// clone is a bare repository on this machine. It only saves fetching again:
// whatever is wrong with it, it may be removed.
type clone struct{ dir string }

// cloneName is the name of a clone's directory.
func cloneName(what manifests.Repo) string {
	sum := sha256.Sum256([]byte(what.URL + "\x00" + what.Branch + "\x00" + what.Directory))
	return hex.EncodeToString(sum[:16])
}

// open opens the clone, making it if need be.
func (c clone) open() (*git.Repository, error) {
	repo, err := git.PlainOpen(c.dir)
	if errors.Is(err, git.ErrRepositoryNotExists) {
		repo, err = git.PlainInit(c.dir, true)
	}
	if err != nil {
		return nil, fmt.Errorf("open the clone in %s: %w", c.dir, err)
	}
	return repo, nil
}

// tip is the commit that was fetched last.
func (c clone) tip() (string, error) {
	repo, err := git.PlainOpen(c.dir)
	if err != nil {
		return "", fmt.Errorf("open the clone in %s: %w", c.dir, err)
	}
	ref, err := repo.Reference(tipRef, false)
	if err != nil {
		return "", fmt.Errorf("read the clone in %s: %w", c.dir, err)
	}
	return ref.Hash().String(), nil
}

// head is the commit that was read last.
func (c clone) head() (Commit, error) {
	repo, err := git.PlainOpen(c.dir)
	if err != nil {
		return Commit{}, err
	}
	ref, err := repo.Reference(readRef, false)
	if err != nil {
		return Commit{}, err
	}
	commit, err := repo.CommitObject(ref.Hash())
	if err != nil {
		return Commit{}, err
	}
	return commitOf(commit), nil
}

// mark takes down which commit was read.
func (c clone) mark(tip string) error {
	repo, err := git.PlainOpen(c.dir)
	if err != nil {
		return err
	}
	return repo.Storer.SetReference(plumbing.NewHashReference(readRef, plumbing.NewHash(tip)))
}

// has tells whether a commit is in the clone.
func (c clone) has(commit string) bool {
	repo, err := git.PlainOpen(c.dir)
	if err == nil {
		_, err = repo.CommitObject(plumbing.NewHash(commit))
	}
	return err == nil
}

// tidy removes what a fetch that was killed has left.
func (c clone) tidy() {
	left, _ := filepath.Glob(filepath.Join(c.dir, "objects", "pack", "tmp_*"))
	locks, _ := filepath.Glob(filepath.Join(c.dir, "*.lock"))
	refLocks, _ := filepath.Glob(filepath.Join(c.dir, "refs", "wright", "*.lock"))
	for _, name := range append(append(left, locks...), refLocks...) {
		_ = os.Remove(name) // it is tried without
	}
}

// crowded tells whether it is time to make the clone anew.
func (c clone) crowded() bool {
	packs, _ := filepath.Glob(filepath.Join(c.dir, "objects", "pack", "*.pack"))
	return len(packs) > maxPacks
}

func (c clone) remove() error { return os.RemoveAll(c.dir) }

// fetch brings a commit into the clone. A clone that cannot take it is removed,
// so that the next fetch begins anew.
func (r *Repo) fetch(ctx context.Context, tip string) (string, error) {
	if r.clone.crowded() {
		if err := r.clone.remove(); err != nil {
			return "", fmt.Errorf("make the clone anew: %w", err)
		}
	}
	now, err := r.remote.fetch(ctx, tip)
	if err == nil && !r.clone.has(now) {
		err = fmt.Errorf("commit %.12s was fetched and is not there", now)
	}
	if err != nil && ctx.Err() == nil {
		err = errors.Join(err, r.clone.remove())
	}
	return now, err
}

// commitOf is a commit as it is shown.
func commitOf(c *object.Commit) Commit {
	return Commit{ID: c.Hash.String(), Author: cleanAuthor(c.Author.Name, c.Author.Email), At: c.Committer.When.UTC()}
}

// String is the commit in a message.
func (c Commit) String() string {
	return fmt.Sprintf("commit %s by %s", strings.ToLower(c.ID[:min(12, len(c.ID))]), c.Author)
}
