// Package watchlist says what is watched: the watches of one instance, merged
// from its manifest and its last report, and the union of all instances with
// the way back from a watch to the instances it belongs to.
//
// It is pure: no I/O, no clock. It does not know how a remote is asked, what a
// movement means, or where the facts come from.
package watchlist

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Origin says who asked for a watch.
type Origin string

// The origins; of two for one watch the earlier here wins.
const (
	Source   Origin = "source"   // the manifest's [source]
	Manifest Origin = "manifest" // a [[watch]] of the manifest
	Auto     Origin = "auto"     // the last report of a build
)

// Watch is something whose movement triggers a build of an instance.
type Watch struct {
	VCS      string // "git" or "hg"
	URL      string // as it was written
	Ref      string // a full ref, or "HEAD"
	Revision string // what the last reporting build used; "" is unknown
	FactsAt  int64  // store revision that Revision is at least as new as; 0 without one
	Origin   Origin
	From     string           // "path:line" of the manifest, or of the workspace of the build that found it
	Since    int64            // number of the build that reported it first and ever since; 0 if no report has it
	Paths    *manifests.Paths // which changed paths count; nil: all
}

// Key names what is watched, as manifests.Watch.Key does: equal for all
// spellings of one URL.
func (w Watch) Key() string {
	return manifests.Watch{VCS: w.VCS, URL: w.URL, Ref: w.Ref}.Key()
}

// Merge is the effective list of an instance: what its source, its manifest
// and its last report say together, sorted by key and without repetitions.
//
// Two that mean the same ref of the same remote, in whatever spelling, are one
// watch: the manifest's, whose URL is the one that is asked and shown. What the
// report knows besides, the revision that was built, goes over to it. Two refs
// of one remote are two watches: a build that uses another branch than the one
// that its manifest names depends on both.
//
// "watch = []" says that commits never start a build, whatever is reported.
// Without a manifest in force (nil) nothing is watched; without a report (nil)
// it is what the manifest says.
func Merge(m *manifests.Manifest, r *state.Report) []Watch {
	var found union
	for _, w := range said(m, r) {
		found.add(w)
	}
	return found.sorted()
}

// said is all that is said of what an instance watches, repetitions included:
// what counts more comes first.
func said(m *manifests.Manifest, r *state.Report) []Watch {
	if m == nil || m.WatchNothing {
		return nil
	}
	var all []Watch
	if w, ok := SourceWatch(m.Source); ok {
		w.Paths = m.When.Paths
		all = append(all, w)
	}
	for _, w := range m.Watches {
		all = append(all, Watch{VCS: w.VCS, URL: w.URL, Ref: w.Ref, Origin: Manifest, From: line(w.Place), Paths: w.Paths})
	}
	return append(all, autoWatches(m, r)...)
}

// line is a place of a manifest as watch files write theirs. The name of the
// file is the instance's; where it lies is shown with that.
func line(p manifests.Place) string {
	if p.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", filepath.Base(p.File), p.Line)
}

// SourceWatch is the watch of a source that follows a branch; a frozen one
// never moves.
func SourceWatch(s *manifests.Source) (Watch, bool) {
	if s == nil || s.Revision != "" {
		return Watch{}, false
	}
	ref := "HEAD"
	if s.Branch != "" {
		ref = "refs/heads/" + s.Branch
	}
	return Watch{VCS: s.VCS, URL: s.URL, Ref: ref, Origin: Source, From: line(s.Place)}, true
}

// autoWatches are the watches of a report that the manifest lets through.
func autoWatches(m *manifests.Manifest, r *state.Report) []Watch {
	if r == nil || !m.AutoWatch.On {
		return nil
	}
	branch := headBranch(m.Source, r.Watches)
	all := make([]Watch, 0, len(r.Watches))
	for i, w := range r.Watches {
		if m.AutoWatch.Ignores(w.URL) {
			continue
		}
		auto := Watch{
			VCS: w.VCS, URL: w.URL, Ref: w.Ref, Revision: w.Revision, FactsAt: w.FactsAt, Origin: Auto, From: w.From, Since: w.Since,
		}
		if i == branch {
			auto.Ref = "HEAD"
		}
		all = append(all, auto)
	}
	return all
}

// headBranch is the index of the entry that is the source itself under the name
// of its branch, where the manifest follows the remote's HEAD; -1 if there is
// none. If the report tells HEAD's revision, it is the first branch at that
// revision; else the only branch of that remote. Of several it cannot be told
// which one HEAD is, and to watch one twice is better than not at all.
func headBranch(s *manifests.Source, watches []state.Reported) int {
	if s == nil || s.Revision != "" || s.Branch != "" {
		return -1
	}
	remote := manifests.CanonicalURL(s.URL)
	var branches []int
	head := ""
	for i, w := range watches {
		if w.VCS != s.VCS || w.URL != s.URL && manifests.CanonicalURL(w.URL) != remote {
			continue
		}
		if w.Ref == "HEAD" {
			head = w.Revision
		} else if strings.HasPrefix(w.Ref, "refs/heads/") {
			branches = append(branches, i)
		}
	}
	if head != "" {
		branches = slices.DeleteFunc(branches, func(i int) bool { return watches[i].Revision != head })
	}
	if len(branches) == 1 || head != "" && len(branches) > 1 {
		return branches[0]
	}
	return -1
}

// union collects watches; the first of a key stays, and takes over from later
// ones what it does not know.
type union struct {
	at  map[string]int
	all []keyed
}

type keyed struct {
	key string
	Watch
}

func (u *union) add(w Watch) {
	if u.at == nil {
		u.at = make(map[string]int)
	}
	key := w.Key()
	i, again := u.at[key]
	if !again {
		u.at[key] = len(u.all)
		u.all = append(u.all, keyed{key, w})
		return
	}
	first := &u.all[i].Watch
	if first.Revision == "" {
		first.Revision, first.FactsAt = w.Revision, w.FactsAt
	}
	first.From = cmp.Or(first.From, w.From)
	first.Since = cmp.Or(first.Since, w.Since)
}

func (u *union) sorted() []Watch {
	slices.SortFunc(u.all, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	all := make([]Watch, len(u.all))
	for i, k := range u.all {
		all[i] = k.Watch
	}
	return all
}
