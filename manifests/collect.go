package manifests

import "path"

// MaxFiles bounds how many manifests come from one place.
const MaxFiles = 10000

// MaxText bounds the text of one manifest, in bytes.
const MaxText = maxFile

// Entry is one manifest that was read from elsewhere than a directory of this
// machine.
type Entry struct {
	Path     string
	Manifest *Manifest // nil if it is bad
	Text     []byte
	Errors   Errors
}

// ReadEntry is the entry with a text; path is for people, its last part names
// the instance.
func ReadEntry(path string, text []byte) Entry {
	m, err := Parse(path, text)
	if err != nil {
		return Entry{Path: path, Errors: asErrors(path, err)}
	}
	return Entry{Path: path, Manifest: m, Text: text}
}

// BadEntry is an entry that has no text.
func BadEntry(path, why string) Entry {
	return Entry{Path: path, Errors: Errors{{Place: Place{path, 1, 1}, Message: why}}}
}

// Name is the instance of the entry, or its file's name where that gives none.
func (e Entry) Name() string { return nameOf(path.Base(e.Path)) }

// Collect is the snapshot that has these entries.
func Collect(entries []Entry) Snapshot {
	snap := newSnapshot()
	for _, e := range entries {
		snap.add(path.Base(e.Path), e.Manifest, e.Text, e.Errors)
	}
	return snap
}

func newSnapshot() Snapshot {
	return Snapshot{Manifests: map[string]*Manifest{}, Texts: map[string][]byte{}, Errors: map[string]Errors{}}
}

// add takes in what one file said.
func (s Snapshot) add(file string, m *Manifest, text []byte, errs Errors) {
	if m != nil {
		s.Manifests[m.Instance], s.Texts[m.Instance] = m, text
		return
	}
	s.Errors[nameOf(file)] = errs
}

// nameOf is the instance that a file describes, or the file's name.
func nameOf(file string) string {
	if instance, err := InstanceName(file); err == nil {
		return instance
	}
	return file
}
