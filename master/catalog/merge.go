package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Source is one place that manifests come from; its zero value is the master's
// own directory.
type Source struct {
	Repo, Branch, Directory string
	Said                    *Said // nil: it has not been heard yet
}

// Said is what a source says.
type Said struct {
	manifests.Snapshot
	Origins map[string]state.Origin // by name as in Manifests and Errors; nothing for a directory
}

func (s *Said) names(name string) bool { return s.Manifests[name] != nil || s.Errors[name] != nil }

// holds tells whether a file with an origin is one of the source's.
func (s Source) holds(o state.Origin, file string) bool {
	if s.Repo == "" || o.Repo == "" {
		return s.Repo == o.Repo
	}
	dir := path.Dir(file)
	return s.Repo == o.Repo && s.Branch == o.Branch && (dir == s.Directory || dir == "." && s.Directory == "")
}

// Difference says what must be written so that the facts are what the sources
// say. The last good version of a manifest that went bad stays, and so does
// everything that came from a source that has not been heard yet. Of two that
// claim one instance the one in force stays, or else the first is taken.
func Difference(f *state.Facts, sources []Source, now time.Time) []state.Write {
	m := merge(f, sources)
	var writes []state.Write
	for _, name := range slices.Sorted(maps.Keys(m.good)) {
		writes = append(writes, inForce(f, m.good[name], name, now)...)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Manifests)) {
		if old := f.Manifests[name]; !m.named[name] && over(sources, old.Origin, old.File, false) {
			writes = append(writes, old.Put().Drop())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Unreadable)) {
		if !m.named[name] && allHeard(sources) {
			gone := state.InForce{Instance: name, Meta: state.Meta{Rev: f.Unreadable[name]}}
			writes = append(writes, gone.Put().Drop())
		}
	}
	return append(writes, faults(f, m, sources, now)...)
}

// merged is what all sources say together.
type merged struct {
	named map[string]bool   // some source has a file for it, good or bad
	good  map[string]*Said  // who says what is to be in force
	bad   map[string]*fault // what is wrong with the other files
}

// fault is what is wrong under one name.
type fault struct {
	errs   manifests.Errors
	origin state.Origin // of the first of them
}

func merge(f *state.Facts, sources []Source) merged {
	m := merged{named: map[string]bool{}, good: map[string]*Said{}, bad: map[string]*fault{}}
	for _, s := range sources {
		if s.Said == nil {
			continue
		}
		for name := range s.Said.Manifests {
			m.named[name] = true
		}
		for name := range s.Said.Errors {
			m.named[name] = true
		}
	}
	for name := range m.named {
		m.settle(f, sources, name)
	}
	for m.breakCircle(f) { // what is in force instead may close another
	}
	return m
}

// settle decides whose an instance is, and what is wrong with the others.
func (m merged) settle(f *state.Facts, sources []Source, name string) {
	owner := ownerOf(f, sources, name)
	for i, s := range sources {
		switch {
		case s.Said == nil || !s.Said.names(name):
		case s.Said.Errors[name] != nil:
			m.add(name, s.Said.Errors[name], s.Said.Origins[name])
		case i == owner:
			m.good[name] = s.Said
		default:
			m.add(name, claimed(s, sources[owner], f.Manifests[name], name), s.Said.Origins[name])
		}
	}
}

func (m merged) add(name string, errs manifests.Errors, o state.Origin) {
	if m.bad[name] == nil {
		m.bad[name] = &fault{origin: o}
	}
	m.bad[name].errs = slices.Concat(m.bad[name].errs, errs)
}

// ownerOf is the source that an instance in force came from, as long as it names
// the instance or has not been heard; or else the first that has a good manifest
// of it, -1 if none has.
func ownerOf(f *state.Facts, sources []Source, name string) int {
	if old := f.Manifests[name]; old != nil {
		for i, s := range sources {
			if s.holds(old.Origin, old.File) && (s.Said == nil || s.Said.names(name)) {
				return i
			}
		}
	}
	return slices.IndexFunc(sources, func(s Source) bool { return s.Said != nil && s.Said.Manifests[name] != nil })
}

// claimed is the error of a manifest whose instance is another source's.
func claimed(s, owner Source, old *state.InForce, name string) manifests.Errors {
	file := s.Said.Manifests[name].File
	var other string
	if owner.Said != nil && owner.Said.Manifests[name] != nil {
		other = owner.Said.Manifests[name].File
	} else if old != nil {
		other = old.File
	}
	return manifests.Errors{{
		Place:   manifests.Place{File: file, Line: 1, Column: 1},
		Message: fmt.Sprintf("instance %s is in force from %s, not from %s", name, owner.place(other), s.place(file)),
		Hint:    "remove one of the two",
	}}
}

// place says where a file is.
func (s Source) place(file string) string {
	if s.Repo == "" {
		return file
	}
	return fmt.Sprintf("%s in %s (%s)", file, s.Repo, cmp.Or(s.Branch, "HEAD"))
}

// inForce is the write that puts a manifest in force, if it is not.
func inForce(f *state.Facts, said *Said, name string, now time.Time) []state.Write {
	m, old, origin := said.Manifests[name], f.Manifests[name], said.Origins[name]
	if old != nil && old.Manifest.Digest == m.Digest && old.File == m.File && old.Repo == origin.Repo && old.Branch == origin.Branch {
		return nil // its commit is the one that brought this text
	}
	next := state.InForce{Instance: name, File: m.File, Text: said.Texts[name], Since: now, Origin: origin}
	next.Rev = f.Unreadable[name]
	if old != nil {
		next.Meta = old.Meta
	}
	return []state.Write{next.Put()}
}

func allHeard(sources []Source) bool {
	return !slices.ContainsFunc(sources, func(s Source) bool { return s.Said == nil })
}

// over tells whether what came from somewhere and is not said any more is gone:
// its source was heard, or is followed no more, and another one names it or none
// is left that might.
func over(sources []Source, o state.Origin, file string, named bool) bool {
	for _, s := range sources {
		if s.holds(o, file) {
			return s.Said != nil
		}
	}
	return named || allHeard(sources)
}

func faults(f *state.Facts, m merged, sources []Source, now time.Time) []state.Write {
	var writes []state.Write
	for _, name := range slices.Sorted(maps.Keys(m.bad)) {
		bad := m.bad[name]
		next := state.Fault{Name: name, Errors: bad.errs, Since: now, Origin: bad.origin}
		if old := f.Faults[name]; old != nil {
			if slices.EqualFunc(old.Errors, next.Errors, same) && old.Repo == next.Repo && old.Commit == next.Commit {
				continue
			}
			next.Meta = old.Meta
		}
		writes = append(writes, next.Put())
	}
	for _, name := range slices.Sorted(maps.Keys(f.Faults)) {
		if old := f.Faults[name]; m.bad[name] == nil && over(sources, old.Origin, fileOf(old), m.named[name]) {
			writes = append(writes, old.Put().Drop())
		}
	}
	return writes
}

func fileOf(fault *state.Fault) string {
	if len(fault.Errors) == 0 {
		return ""
	}
	return fault.Errors[0].File
}

func same(a, b *manifests.Error) bool { return *a == *b }
