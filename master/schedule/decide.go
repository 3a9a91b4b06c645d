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

// Situation is everything that decides whether one instance is built because
// something happened.
type Situation struct {
	Manifest *manifests.Manifest // nil: not in force
	Since    int64               // store revision at which it came in force
	Instance state.Instance
	Watches  []Observed
	Followed []Followed // the instances that the manifest names, as far as they are known
	Waiting  bool       // a build is queued that will fetch the newest of everything
	Covered  int64      // store revision of the facts with which the last build was handed out
	// Changed tells what a movement changed, if that is known already; nil:
	// nobody can tell, and everything counts.
	Changed func(Movement) (Diff, bool)
}

// Observed is a watch and the newest observation of it, nil before the first.
type Observed struct {
	Watch watchlist.Watch
	Ref   *state.Ref
}

// Followed is an instance that this one is built after.
type Followed struct {
	Name    string
	Success int64     // number of its newest build that succeeded; 0: none
	At      time.Time // when its newest build ended
	Busy    bool      // builds that were requested together with that are under way: they count as one
}

// Verdict is what follows from a situation.
type Verdict struct {
	Build    *state.Reason         // build now, and why; nil: do not
	Joined   bool                  // the build that waits takes in what happened
	Join     []state.Change        // among it these
	Seen     map[string]state.Seen // what is taken into account from now on
	Followed map[string]int64      // so are these successes
	Ask      []Movement            // decide again when it is known what these changed
	Wake     time.Time             // decide again then; zero: when a fact changes
}

// Decide says whether an instance is to be built because of changes, or of other
// instances' success. It builds when a watched ref is at another revision than
// the one last built with and that counts, as soon as nothing has moved for the
// tree-stable-timer. What comes meanwhile joins; so it does while a build waits
// in the queue, since that will fetch it. What is seen for the first time has
// not moved.
func Decide(s Situation, now time.Time) Verdict {
	v := Verdict{Seen: s.Instance.Seen, Followed: s.Instance.Followed}
	if s.Manifest == nil || s.Instance.Archived {
		return v
	}
	var moved []Observed
	var succeeded []Followed
	v.Seen, moved = compare(s)
	v.Followed, succeeded = s.follow()
	count := tally{counted: moved}
	if !s.Waiting {
		count = s.judge(moved, v.Seen)
		v.Ask = count.open
	}
	if len(count.counted) == 0 && len(succeeded) == 0 {
		return v
	}
	due := quietSince(count.counted, succeeded).Add(s.Manifest.TreeStableTimer)
	if now.Before(due) && !s.Waiting {
		v.Wake = due
		return v
	}
	changes := take(moved, v.Seen)
	for _, f := range succeeded {
		v.Followed[f.Name] = f.Success
	}
	if s.Waiting {
		v.Joined, v.Join = true, changes
		return v
	}
	v.Build = &state.Reason{Kind: "change", Text: describe(count.counted, succeeded) + count.note}
	if len(count.counted) == 0 {
		v.Build.Kind = "after"
	}
	v.Build.Join(changes)
	return v
}

// take takes into account all that moved: a build fetches the newest of
// everything.
func take(moved []Observed, seen map[string]state.Seen) (changes []state.Change) {
	for _, m := range moved {
		key := m.Watch.Key()
		if seen[key].Revision != m.Ref.Revision { // else it was passed over just now
			changes = append(changes, state.Change{URL: m.Watch.URL, Ref: m.Watch.Ref, Old: seen[key].Revision, New: m.Ref.Revision})
		}
		seen[key] = state.Seen{Revision: m.Ref.Revision, At: m.Ref.Rev}
	}
	return changes
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
		switch {
		case !ok && o.Ref == nil:
			continue
		case !ok && !o.movedSince(s.Since): // discovering is not moving, nor is that it does not exist
			known = state.Seen{Revision: o.Ref.Revision, At: o.Ref.Rev, Discovered: true}
		case !ok:
			known = state.Seen{Revision: o.Ref.Previous, Discovered: true}
		}
		if o.Ref != nil && o.Ref.Rev > known.At && o.Ref.Rev <= s.Covered {
			known = state.Seen{Revision: o.Ref.Revision, At: o.Ref.Rev} // that build has fetched it
		}
		has := o.Ref != nil && o.Ref.Revision != "" && o.Ref.Revision != known.Revision && o.Ref.Rev > known.At
		known.Wants = known.Wants && has
		if seen[key] = known; has {
			moved = append(moved, o)
		}
	}
	return seen, moved
}

// movedSince says whether the ref, of which nothing is remembered, has moved
// since the watch is in force: it has been seen elsewhere before, and this room
// was too late for that, or was killed.
func (o Observed) movedSince(inForce int64) bool {
	if o.Watch.Origin == watchlist.Auto {
		inForce = o.Watch.FactsAt // what the build used is not newer for certain
	}
	return o.Ref.Moved && o.Ref.Rev > inForce
}

// follow tells which of the instances that this one follows have succeeded since
// that was last taken into account, and what that is for each. What was there
// when it is looked at first starts nothing.
func (s Situation) follow() (known map[string]int64, succeeded []Followed) {
	for _, f := range s.Followed {
		number, ok := s.Instance.Followed[f.Name]
		switch {
		case !ok && f.Busy:
			continue
		case !ok:
			number = f.Success
		case f.Busy:
			f.Success = number
		}
		if known == nil {
			known = map[string]int64{}
		}
		if known[f.Name] = number; f.Success > number {
			succeeded = append(succeeded, f)
		}
	}
	return known, succeeded
}

func quietSince(moved []Observed, succeeded []Followed) time.Time {
	var last time.Time
	for _, m := range moved {
		if m.Ref.MovedAt.After(last) {
			last = m.Ref.MovedAt
		}
	}
	for _, f := range succeeded {
		if f.At.After(last) {
			last = f.At
		}
	}
	return last
}

// most is how many things a reason names.
const most = 3

func describe(moved []Observed, succeeded []Followed) string {
	var names []string
	for _, m := range moved {
		names = append(names, fmt.Sprintf("%s of %s at %.12s", strings.TrimPrefix(m.Watch.Ref, "refs/heads/"), m.Watch.URL, m.Ref.Revision))
	}
	for _, f := range succeeded {
		names = append(names, "success of "+state.BuildID{Instance: f.Name, Number: f.Success}.String())
	}
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	kind := "change: "
	if len(moved) == 0 {
		kind = "after: "
	}
	return kind + strings.Join(names, ", ")
}

// remembers says whether the verdict changes what the instance remembers.
func (v Verdict) remembers(i state.Instance) bool {
	return !maps.Equal(v.Seen, i.Seen) || !maps.Equal(v.Followed, i.Followed)
}
