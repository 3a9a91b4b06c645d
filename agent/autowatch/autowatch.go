// Package autowatch finds out what a build depends on: the git work trees in
// its workspace and what the build itself declared.
//
// It only reads files, never runs a program and never asks a remote. It does
// not know builds, agents or how watches are followed.
package autowatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
)

// Options bound the search. The zero value means the defaults.
type Options struct {
	Local      bool          // paths of this machine are watched too; otherwise they are left out with a warning
	MaxEntries int           // directory entries looked at; default 2,000,000
	MaxTime    time.Duration // default 20 s
}

const (
	defaultEntries = 2_000_000
	defaultTime    = 20 * time.Second
	maxTrees       = 10_000 // as many as a watch file may hold
	maxWarnings    = 100
)

// Find reads every git work tree in workspace and returns what is followed.
//
// A work tree on a branch that a remote has is watched, and so is a submodule
// that tracks a branch according to its parent's .gitmodules. A detached HEAD is
// pinned, even where it happens to be the head of a branch. Revision is the
// commit that is checked out, or what it was based on when the build committed
// on top of it; it is "" when that cannot be told.
//
// What could not be read, and where the search was cut short, is a warning. err
// is only for a workspace that is missing and for ctx.
func Find(ctx context.Context, workspace string, opts Options) (watches []manifests.Watch, warnings []string, err error) {
	if opts.MaxEntries <= 0 {
		opts.MaxEntries = defaultEntries
	}
	if opts.MaxTime <= 0 {
		opts.MaxTime = defaultTime
	}
	base, err := filepath.Abs(workspace)
	if err == nil {
		base, err = filepath.EvalSymlinks(base)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look for work trees: %w", err)
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, nil, fmt.Errorf("look for work trees: %w", err)
	}
	defer root.Close()
	f := &finder{root: root, base: base, local: opts.Local, limit: opts.MaxEntries, deadline: time.Now().Add(opts.MaxTime)}
	dirs, err := f.walk(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("look for work trees in %s: %w", workspace, err)
	}
	return Merge(f.watches(dirs)), f.warnings.lines, nil
}

// finder is one Find. All its paths are relative to root, with "." for itself.
type finder struct {
	root     *os.Root
	base     string // the absolute path of root
	local    bool   // see Options
	limit    int
	deadline time.Time
	warnings warnings
}

type warnings struct{ lines []string }

func (w *warnings) add(format string, args ...any) {
	switch {
	case len(w.lines) < maxWarnings:
		w.lines = append(w.lines, fmt.Sprintf(format, args...))
	case len(w.lines) == maxWarnings:
		w.lines = append(w.lines, "there are more warnings")
	}
}

// watches reads the work trees in dirs, parents first.
func (f *finder) watches(dirs []string) []manifests.Watch {
	slices.Sort(dirs)
	modules := map[string]tracking{}
	var found []manifests.Watch
	for _, dir := range dirs {
		t, err := f.read(dir)
		if err != nil {
			f.warnings.add("work tree %.200q: %v", dir, err)
			continue
		}
		f.readModules(t, modules)
		w, err := decide(t, modules[dir])
		if err != nil {
			f.warnings.add("work tree %.200q: %v", dir, err)
			continue
		}
		if w.URL == "" {
			continue
		}
		w, warning := f.address(w, dir)
		if warning != "" {
			f.warnings.add("work tree %.200q: %s", dir, warning)
		}
		if w.URL != "" {
			found = append(found, w)
		}
	}
	return found
}

// ReadDeclared reads what a build appended to $WRIGHT_WATCH_FILE. A missing
// file is an empty list, a bogus one an error (manifests.Errors, with places).
// Paths of this machine are left out with a warning unless local.
func ReadDeclared(path string, local bool) (watches []manifests.Watch, warnings []string, err error) {
	text, err := gitfile.Read(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("declared watches: %w", err)
	}
	declared, err := manifests.ParseWatches(filepath.Base(path), text)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range declared {
		if !local && manifests.IsLocal(w.URL) {
			warnings = append(warnings, fmt.Sprintf("declared watches: line %d: a path of this machine is not watched", w.Place.Line))
			continue
		}
		watches = append(watches, w)
	}
	return watches, warnings, nil
}

// Merge is the union of lists, one entry per (vcs, URL, ref), in a fixed order.
// The first entry of a key stays; it takes a revision from a later one if it has none.
func Merge(lists ...[]manifests.Watch) []manifests.Watch {
	index := map[string]int{}
	var merged []manifests.Watch
	for _, w := range slices.Concat(lists...) {
		i, again := index[w.Key()]
		switch {
		case !again:
			index[w.Key()] = len(merged)
			merged = append(merged, w)
		case merged[i].Revision == "":
			merged[i].Revision = w.Revision
		}
	}
	slices.SortFunc(merged, func(a, b manifests.Watch) int { return strings.Compare(a.Key(), b.Key()) })
	return merged
}
