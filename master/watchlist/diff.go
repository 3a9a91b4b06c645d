package watchlist

import (
	"slices"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// Difference is what one report changed against an earlier one.
type Difference struct {
	Added, Removed []manifests.Watch
	Moved          []Moved
}

// Moved is a watch that a build found at another place than the one before.
type Moved struct {
	manifests.Watch
	Was string // From of the earlier report
}

// Diff compares two reports, in any order and spelling; its lists are sorted by
// key. Another revision is no difference: lists say what is watched.
func Diff(old, fresh []manifests.Watch) Difference {
	before := byKey(old)
	var d Difference
	for key, w := range byKey(fresh) {
		was, known := before[key]
		switch {
		case !known:
			d.Added = append(d.Added, w)
		case was.From != w.From:
			d.Moved = append(d.Moved, Moved{w, was.From})
		}
		delete(before, key)
	}
	for _, w := range before {
		d.Removed = append(d.Removed, w)
	}
	slices.SortFunc(d.Added, compareKeys)
	slices.SortFunc(d.Removed, compareKeys)
	slices.SortFunc(d.Moved, func(a, b Moved) int { return compareKeys(a.Watch, b.Watch) })
	return d
}

func byKey(ws []manifests.Watch) map[string]manifests.Watch {
	all := make(map[string]manifests.Watch, len(ws))
	for _, w := range ws {
		all[w.Key()] = w
	}
	return all
}

func compareKeys(a, b manifests.Watch) int { return strings.Compare(a.Key(), b.Key()) }
