package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/master/state"
)

// Outlook is when and why an instance is built next.
type Outlook struct {
	Instance string
	Next     time.Time // zero: nobody knows
	Kind     string    // of that build: change, after, periodic; "" if there is no time
	Why      string    // in a few words
	Schedule string    // "every 24h"; "" if there is none
	Last     time.Time // from when its wait counts
	After    []string  // instances whose success starts a build
}

// Outlook tells of one instance, or of all that are in force ("") with those
// first that start next.
func (s *Scheduler) Outlook(instance string) (all []Outlook) {
	s.store.Read(func(f *state.Facts) {
		switch {
		case instance == "":
			all = outlook(f, wall())
		case f.Manifests[instance] != nil:
			all = append(all, outlookOf(f, instance, wall()))
		}
	})
	return all
}

func outlook(f *state.Facts, now time.Time) []Outlook {
	all := make([]Outlook, 0, len(f.Manifests))
	for name := range f.Manifests {
		all = append(all, outlookOf(f, name, now))
	}
	slices.SortFunc(all, func(a, b Outlook) int {
		if a.Next.IsZero() != b.Next.IsZero() {
			if a.Next.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.Next.Compare(b.Next), cmp.Compare(a.Instance, b.Instance))
	})
	return all
}

func outlookOf(f *state.Facts, name string, now time.Time) Outlook {
	standing := standingOf(f, name)
	situation, _ := situationOf(f, name)
	m := standing.Manifest
	o := Outlook{Instance: name, After: m.When.After}
	if standing.Instance.Archived {
		o.Why = "archived: nothing starts"
		return o
	}
	o.clock(standing, now)
	if v := Decide(situation, now); !v.Wake.IsZero() && (o.Next.IsZero() || v.Wake.Before(o.Next)) {
		o.Next, o.Kind, o.Why = v.Wake, "change", "what moved must be quiet for "+m.TreeStableTimer.String()
	}
	if o.Why == "" {
		o.Why = situation.others(f)
	}
	return o
}

// clock says what the schedule has in store.
func (o *Outlook) clock(s Standing, now time.Time) {
	p, t := s.Manifest.Periodic, s.Instance.Timing
	if p == nil {
		return
	}
	o.Schedule, o.Kind, o.Why = Spec(p), "periodic", Spec(p)
	if t == nil { // it has not been looked at yet
		return
	}
	o.Next, o.Last = t.Due, t.Since
	if again, ok := s.retryAt(p, *t); ok && again.Before(t.Due) {
		o.Next, o.Why = again, fmt.Sprintf("try %d of %d after build %s", t.Tries+2, p.Retries+1, s.Last.ID)
	}
	if o.Next.After(now) {
		return
	}
	if b, _ := s.busy(now); b != nil {
		o.Why += ": waits for the end of build " + b.ID
	} else {
		o.Why += ": as soon as it is its turn"
	}
}

// others says what starts an instance that no clock does.
func (s Situation) others(f *state.Facts) string {
	var all []string
	if len(s.Watches) > 0 {
		all = append(all, "when something moves")
	}
	for _, name := range s.Manifest.When.After {
		text := "after " + name
		if f.Manifests[name] == nil {
			text += ", which is not in force"
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return "by hand only"
	}
	return strings.Join(all, "; ")
}
