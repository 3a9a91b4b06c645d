package schedule

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

// Situation is everything that decides whether one instance is built.
type Situation struct {
	Manifest *manifests.Manifest // nil: not in force
	Instance state.Instance
	Watches  []Observed
	Waiting  bool // a build is queued that will fetch the newest of everything
}

// Observed is a watch and the newest observation of it, nil before the first.
type Observed struct {
	Watch watchlist.Watch
	Ref   *state.Ref
}

// Verdict is what follows from a situation.
type Verdict struct {
	Build *state.Reason         // build now, and why; nil: do not
	Join  []state.Change        // the waiting build takes these in
	Seen  map[string]state.Seen // what is taken into account from now on
	Wake  time.Time             // decide again then; zero: when a fact changes
}

// Decide says whether an instance is to be built because of changes. It builds
// when a watched ref is at another revision than the one last built with, as
// soon as none of them has moved for the tree-stable-timer. Changes that come
// meanwhile join; so they do while a build waits in the queue, since that will
// fetch them. What is seen for the first time has not moved.
func Decide(s Situation, now time.Time) Verdict {
	if s.Manifest == nil || s.Instance.Archived {
		return Verdict{Seen: s.Instance.Seen}
	}
	seen, moved := compare(s)
	if len(moved) == 0 {
		return Verdict{Seen: seen}
	}
	due := quietSince(moved).Add(s.Manifest.TreeStableTimer)
	if now.Before(due) && !s.Waiting {
		return Verdict{Seen: seen, Wake: due}
	}
	var changes []state.Change
	for _, m := range moved {
		key := m.Watch.Key()
		changes = append(changes, state.Change{URL: m.Watch.URL, Ref: m.Watch.Ref, Old: seen[key].Revision, New: m.Ref.Revision})
		seen[key] = state.Seen{Revision: m.Ref.Revision, At: m.Ref.Rev}
	}
	if s.Waiting {
		return Verdict{Join: changes, Seen: seen}
	}
	reason := &state.Reason{Kind: "change", Text: describe(moved)}
	reason.Join(changes)
	return Verdict{Build: reason, Seen: seen}
}

// compare tells which watches have moved past what was last taken into
// account, and what that is for every watch.
func compare(s Situation) (seen map[string]state.Seen, moved []Observed) {
	seen = make(map[string]state.Seen, len(s.Watches))
	for _, o := range s.Watches {
		key := o.Watch.Key()
		known, ok := s.Instance.Seen[key]
		if w := o.Watch; w.Revision != "" && (!ok || known.Discovered || w.FactsAt >= known.At) { // as the last report says
			known, ok = state.Seen{Revision: w.Revision, At: w.FactsAt}, true
		}
		exists := o.Ref != nil && o.Ref.Revision != ""
		switch {
		case !ok && exists: // discovering is not moving
			seen[key] = state.Seen{Revision: o.Ref.Revision, At: o.Ref.Rev, Discovered: true}
		case !ok:
		default:
			seen[key] = known
			if exists && o.Ref.Revision != known.Revision && o.Ref.Rev > known.At {
				moved = append(moved, o)
			}
		}
	}
	return seen, moved
}

func quietSince(moved []Observed) time.Time {
	var last time.Time
	for _, m := range moved {
		if m.Ref.MovedAt.After(last) {
			last = m.Ref.MovedAt
		}
	}
	return last
}

func describe(moved []Observed) string {
	var names []string
	for i, m := range moved {
		if i == 3 {
			names = append(names, fmt.Sprintf("%d more", len(moved)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s of %s at %.12s", strings.TrimPrefix(m.Watch.Ref, "refs/heads/"), m.Watch.URL, m.Ref.Revision))
	}
	return "change: " + strings.Join(names, ", ")
}

// remembers says whether the verdict changes what the instance remembers.
func (v Verdict) remembers(i state.Instance) bool { return !maps.Equal(v.Seen, i.Seen) }
