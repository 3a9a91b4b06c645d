package schedule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

// Movement is that of a watched git ref from one revision to another.
type Movement struct {
	URL     string // as it was written
	Old     string // "": only New is of interest
	New     string
	Trusted bool // people named the remote, not only a build
}

// Diff is what a movement changed.
type Diff struct {
	Message string   // of the newest commit; "" if it is not known
	Paths   []string // files that are not the same before and after
	Unknown string   // why Paths, or anything, is not known; "": it is
}

// tally is which movements count.
type tally struct {
	counted []Observed
	open    []Movement // of others, that must be known first
	note    string     // what was to be known and is not
}

// judge tells which movements count. One that does not is taken into account
// in seen, as if it had been built; one that does is noted there, so that what
// follows before the build does not take it back.
func (s Situation) judge(moved []Observed, seen map[string]state.Seen) tally {
	var all tally
	for _, o := range moved {
		key := o.Watch.Key()
		known := seen[key]
		if known.Wants || !s.chooses(o) {
			all.counted = append(all.counted, o)
			continue
		}
		counts, open, note := s.counts(o, known.Revision)
		switch {
		case open != nil:
			all.open = append(all.open, *open)
		case counts:
			known.Wants = s.Manifest.TreeStableTimer > 0
			seen[key] = known
			all.counted, all.note = append(all.counted, o), all.note+note
		default:
			seen[key] = state.Seen{Revision: o.Ref.Revision, At: o.Ref.Rev}
		}
	}
	return all
}

// chooses says whether a movement may be one that does not count.
func (s Situation) chooses(o Observed) bool {
	return s.Changed != nil && o.Watch.VCS == "git" && (o.Watch.Paths != nil || !s.Manifest.When.NoSkip)
}

// counts judges a movement from one revision. Where the newest commit says that
// it is to be skipped, the one observed before it may have been meant all the
// same. open is what must be known first.
func (s Situation) counts(o Observed, from string) (counts bool, open *Movement, note string) {
	m := s.movement(o, from, o.Ref.Revision)
	counts, open, note = s.relevant(o, m)
	before := o.Ref.Previous
	if d, _ := s.known(o, m); !o.Ref.Moved || before == "" || before == from || !s.skips(d) {
		return counts, open, note
	}
	return s.relevant(o, s.movement(o, from, before))
}

func (s Situation) movement(o Observed, from, to string) Movement {
	if o.Watch.Paths == nil {
		from = ""
	}
	return Movement{URL: o.Watch.URL, Old: from, New: to, Trusted: o.Watch.Origin != watchlist.Auto}
}

func (s Situation) relevant(o Observed, m Movement) (counts bool, open *Movement, note string) {
	paths := o.Watch.Paths
	d, ok := s.known(o, m)
	switch {
	case !ok:
		return false, &m, ""
	case s.skips(d):
		return false, nil, ""
	case paths == nil:
		return true, nil, ""
	case m.Old == "":
		return true, nil, " (all of it is new)"
	case d.Unknown != "":
		return true, nil, fmt.Sprintf(" (which paths changed is not known: %s)", d.Unknown)
	}
	return len(paths.Relevant(d.Paths)) > 0, nil, ""
}

// known is what a movement changed: as it was found, or as was said together
// with it. Of what was said some files are enough where one of them counts; that
// none does must be found.
func (s Situation) known(o Observed, m Movement) (Diff, bool) {
	if d, ok := s.Changed(m); ok {
		return d, true
	}
	said, paths := o.Ref.Said, o.Watch.Paths
	if said == nil || m.New != o.Ref.Revision {
		return Diff{}, false
	}
	d := Diff{Message: said.Message}
	if m.Old == "" || s.skips(d) {
		return d, true
	}
	d.Paths = said.Paths
	return d, m.Old == o.Ref.Previous && len(paths.Relevant(d.Paths)) > 0
}

func (s Situation) skips(d Diff) bool { return !s.Manifest.When.NoSkip && saysSkip(d.Message) }

// saysSkip reads what people write into the message of a commit that is to
// start nothing.
func saysSkip(message string) bool {
	message = strings.ToLower(message)
	for _, mark := range []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "[skip wright]", "[wright skip]"} {
		if strings.Contains(message, mark) {
			return true
		}
	}
	paragraphs := strings.Split(strings.TrimRight(strings.ReplaceAll(message, "\r\n", "\n"), "\n "), "\n\n")
	trailers := strings.Split(paragraphs[len(paragraphs)-1], "\n")
	return len(paragraphs) > 1 && slices.ContainsFunc(trailers, func(line string) bool {
		name, value, ok := strings.Cut(line, ":")
		return ok && (name == "skip-checks" || name == "skip-ci") && strings.TrimSpace(value) == "true"
	})
}
