package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
)

const (
	maxDepth      = 10
	maxSubmodules = 1000
)

// node is a repository that was checked out and may have submodules.
type node struct {
	dir      string
	url      string
	branch   string // "" when it is pinned
	revision string
	parent   *node
}

func (n node) depth() int {
	d := 0
	for p := n.parent; p != nil; p = p.parent {
		d++
	}
	return d
}

// repeats reports whether n is a commit that one of its ancestors is too.
func (n node) repeats() bool {
	for p := n.parent; p != nil; p = p.parent {
		if p.revision == n.revision && manifests.SameRemote(p.url, n.url) {
			return true
		}
	}
	return false
}

// submodules checks out the submodules of parent, and theirs. One that tracks a
// branch is taken at the newest head of that branch, the others as pinned.
func (f *fetcher) submodules(ctx context.Context, parent node, links []link) error {
	if len(links) == 0 {
		return nil
	}
	text, err := gitfile.Read(filepath.Join(parent.dir, ".gitmodules"))
	if err != nil {
		return fmt.Errorf("submodules: %w", err)
	}
	modules, problems := gitfile.ParseModules(text)
	for _, problem := range problems {
		f.notes.printf("%v", problem)
	}
	known := make(map[string]gitfile.Module, len(modules))
	for _, m := range modules {
		known[m.Path] = m
	}
	for _, l := range links {
		m, ok := known[l.path]
		if !ok {
			if len(problems) > 0 {
				return fmt.Errorf("submodule %.200q: %w", l.path, errors.Join(problems...))
			}
			f.notes.printf("submodule %q is not in .gitmodules: left empty", l.path)
			continue
		}
		if err := f.submodule(ctx, parent, m, l); err != nil {
			return fmt.Errorf("submodule %s: %w", l.path, err)
		}
	}
	return nil
}

func (f *fetcher) submodule(ctx context.Context, parent node, m gitfile.Module, l link) error {
	if len(f.modules) >= maxSubmodules {
		return fmt.Errorf("there are more than %d", maxSubmodules)
	}
	w, err := moduleWant(parent, m, l)
	if err != nil {
		return err
	}
	if err := prepare(f.top, w.dir); err != nil {
		return err
	}
	g, err := f.checkout(ctx, w)
	if err != nil {
		return fmt.Errorf("%s: %w", w.url, err)
	}
	if err := register(parent.dir, m.Name, w.url); err != nil {
		return err
	}
	rel, err := filepath.Rel(f.top, w.dir)
	if err != nil {
		return err
	}
	f.modules = append(f.modules, Submodule{
		Path: filepath.ToSlash(rel), URL: w.url, Branch: g.branch, Revision: g.revision,
	})
	child := node{dir: w.dir, url: w.url, branch: g.branch, revision: g.revision, parent: &parent}
	if child.repeats() {
		f.notes.printf("submodule %s holds itself: not followed further", filepath.ToSlash(rel))
		return nil
	}
	if len(g.links) > 0 && child.depth() >= maxDepth {
		return fmt.Errorf("submodules are nested more than %d deep", maxDepth)
	}
	return f.submodules(ctx, child, g.links)
}

// moduleWant decides where a submodule comes from and at which revision.
func moduleWant(parent node, m gitfile.Module, l link) (want, error) {
	url, err := gitfile.ResolveURL(parent.url, m.URL)
	if err != nil {
		return want{}, err
	}
	if err := manifests.CheckURL("git", url); err != nil {
		return want{}, err
	}
	if manifests.IsLocal(url) && !manifests.IsLocal(parent.url) {
		return want{}, errors.New("its URL is a path of this machine, and its parent's is not")
	}
	branch := m.Branch
	if branch == "." {
		branch = parent.branch // of a pinned parent there is none: pinned too
	}
	if err := checkBranch(branch); err != nil {
		return want{}, err
	}
	w := want{dir: filepath.Join(parent.dir, filepath.FromSlash(m.Path)), url: url, branch: branch, live: branch != ""}
	if !w.live {
		w.revision = l.revision
	}
	return w, nil
}

// register writes a submodule into its parent's config, as git submodule init
// does, so that steps can use git's own commands on it.
func register(parent, name, url string) error {
	config, err := os.OpenFile(filepath.Join(parent, ".git", "config"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace
	_, err = fmt.Fprintf(config, "[submodule \"%s\"]\n\tactive = true\n\turl = \"%s\"\n", escape(name), escape(url))
	return errors.Join(err, config.Close())
}

// prepare makes dir, an empty directory, without going through a symbolic link
// anywhere below top.
func prepare(top, dir string) error {
	rel, err := filepath.Rel(top, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("path %.200q leads out of the workspace", dir)
	}
	at := top
	for part := range strings.SplitSeq(rel, string(filepath.Separator)) {
		at = filepath.Join(at, part)
		fi, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := os.Mkdir(at, 0o777); err != nil {
				return err
			}
		case err != nil:
			return err
		case !fi.IsDir():
			return fmt.Errorf("%q in its path is not a directory", part)
		}
	}
	if err := os.Remove(dir); err != nil {
		return fmt.Errorf("its directory is not empty: %w", err)
	}
	return nil
}
