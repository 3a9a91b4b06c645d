package detect

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// sheet is a file while it is read: its text, and what was found so far.
type sheet struct {
	*findings
	text string // without a byte order mark, and with \n at the ends of lines
	file File
	seen map[Mention]bool // what was found, without lines
	left int              // bytes of other files that may still be read
	// steps is how many commands were read over again, or in other files.
	steps int
	// settles is how many values of variables were put together.
	settles int
}

// sheetDetector is a detector whose work is done on a sheet.
func sheetDetector(name string, wants func(path string) bool, read func(s *sheet)) Detector {
	return Detector{Name: name, Wants: wants, Find: func(f File) ([]Mention, error) {
		s := newSheet(f)
		read(s)
		slices.SortStableFunc(s.mentions, func(a, b Mention) int { return cmp.Compare(a.Line, b.Line) })
		return s.done()
	}}
}

func newSheet(f File) *sheet {
	return &sheet{findings: newFindings(f), text: unixText(f.Text), file: f, seen: map[Mention]bool{}, left: maxBeside}
}

func unixText(text []byte) string {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	return string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
}

// note takes a mention on a line. The same again is left out: a lock file has
// one remote many times, and the first line is enough.
func (s *sheet) note(line int, m Mention) {
	if m.VCS == "" {
		m.VCS = "git"
	}
	key := m
	key.Line, key.More = 0, ""
	if s.seen[key] {
		return
	}
	s.seen[key] = true
	m.Line = line
	s.add(m)
}

// maxBeside bounds what of other files is read for one, in bytes.
const maxBeside = 4 << 20

// beside is the text of another file, "" when there is none.
func (s *sheet) beside(name string) string {
	if s.file.Read == nil {
		return ""
	}
	text, err := s.file.Read(name)
	if s.left -= len(text); err != nil || s.left < 0 {
		return ""
	}
	return unixText(text)
}

// numbered yields the lines of text with their numbers.
func numbered(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(text) {
			n++
			if !yield(n, strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}
