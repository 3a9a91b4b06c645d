// Package workspace lays the sources of a build open at an exact revision.
//
// It clones with go-git and falls back to the git program where go-git cannot,
// saying which was used and why. For Mercurial it has the hg program. It knows
// repositories and submodules; it does not know builds, steps, or what the
// sources are for.
package workspace

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/agent/workspace/access"
	"github.com/wright-build/wright/agent/workspace/cache"
	"github.com/wright-build/wright/manifests"
)

// The tools of a Result.
const (
	ToolGoGit = "go-git"
	ToolGit   = "git"
	ToolHg    = "hg"
)

// Source says what to fetch.
type Source struct {
	VCS        string // "git", also the default, or "hg"
	URL        string // passes manifests.CheckURL
	Branch     string // "" means the branch that the remote's HEAD names; Mercurial: a branch or bookmark, "" means "default"
	Revision   string // "" means the head of Branch; else a full commit ID, a tag, or the beginning of a commit ID
	Pinned     bool   // Revision is frozen: detach HEAD even if it is a full commit ID
	Submodules bool   // fetch them too, at every depth

	Access *access.Access // opens what needs a login, submodules too; may be nil
	Cache  *cache.Cache   // what earlier fetches got, so that only what is new is fetched; may be nil; not for Mercurial
}

// Submodule is one submodule that was checked out, at any depth.
type Submodule struct {
	Path     string // below the workspace, with slashes
	URL      string // absolute, as resolved against its parent's
	Branch   string // the branch it tracks; "" when its parent pins it
	Revision string
}

// Result says what was fetched and how.
type Result struct {
	Revision   string
	Branch     string // what HEAD is on; "" when it is pinned
	Submodules []Submodule
	Tool       string // ToolGit when the git program had to help anywhere, else ToolGoGit; ToolHg for Mercurial
	Why        string // why the git program was used; "" for go-git
}

// Fetch checks s out into dir, which must not exist or be empty. It works in
// dir + ".fetch-…" and renames it when all is there, so dir is never half full;
// what a crashed attempt left there is removed. Each works in a directory of its
// own, since a git that outlived its agent may still be at work.
//
// HEAD stays on the live branch, at the wanted commit, with the remote "origin"
// and its refs/remotes/origin/BRANCH, wherever the branch is by now. It is
// detached when Revision is pinned, a tag or the beginning of a commit ID, and
// when the remote's HEAD is on no branch. The whole history of the branch is there,
// with its tags. Mercurial knows no detached HEAD, and always gets its
// subrepositories. progress gets lines of text, at most 1 MiB; it may be nil.
func Fetch(ctx context.Context, dir string, s Source, progress io.Writer) (*Result, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("fetch %s: the workspace: %w", s.URL, err)
	}
	temp := dir + ".fetch-" + rand.Text()[:8]
	f := &fetcher{top: temp, notes: newNotes(progress), access: s.Access, cache: s.Cache}
	if err := removeLeft(dir); err != nil {
		f.notes.printf("warning: what a former attempt left is still in use: %v", err)
	}
	result, err := f.fetch(ctx, s)
	if err == nil {
		err = os.Rename(temp, dir)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, errors.Join(fmt.Errorf("fetch %s: %w", s.URL, err), Remove(temp))
	}
	return result, nil
}

// removeLeft removes what former attempts to fetch into dir left.
func removeLeft(dir string) error {
	all, err := os.ReadDir(filepath.Dir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range all {
		if strings.HasPrefix(e.Name(), filepath.Base(dir)+".fetch-") {
			err = errors.Join(err, Remove(filepath.Join(filepath.Dir(dir), e.Name())))
		}
	}
	return err
}

func (s Source) check() error {
	if s.VCS == "" {
		s.VCS = "git"
	}
	if err := manifests.CheckURL(s.VCS, s.URL); err != nil {
		return err
	}
	if s.VCS == "hg" {
		if err := s.checkHg(); err != nil {
			return err
		}
	}
	if err := checkBranch(s.Branch); err != nil {
		return err
	}
	if s.Revision != "" {
		return checkTag(s.Revision)
	}
	return nil
}

// fetcher is one Fetch.
type fetcher struct {
	top     string // the directory it works in
	notes   *notes
	access  *access.Access
	cache   *cache.Cache
	why     []string // why the git program helped
	modules []Submodule
}

func (f *fetcher) fetch(ctx context.Context, s Source) (*Result, error) {
	if s.VCS == "hg" {
		return f.hg(ctx, s)
	}
	g, err := f.checkout(ctx, want{
		dir: f.top, url: s.URL, branch: s.Branch, revision: s.Revision, live: isPlain(s.Revision) && !s.Pinned,
	})
	if err != nil {
		return nil, err
	}
	if s.Submodules {
		parent := node{dir: f.top, url: s.URL, branch: g.branch, revision: g.revision}
		if err := f.submodules(ctx, parent, g.links); err != nil {
			return nil, err
		}
	}
	r := &Result{Revision: g.revision, Branch: g.branch, Submodules: f.modules, Tool: ToolGoGit}
	if len(f.why) > 0 {
		r.Tool, r.Why = ToolGit, f.why[0]
	}
	return r, nil
}
