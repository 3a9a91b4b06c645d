package manifests

import (
	"fmt"
	"sort"
	"unicode/utf8"
)

// Place is a position in a text.
type Place struct {
	File   string
	Line   int // from 1
	Column int // from 1, in characters
}

// String is the place as compilers write it: file:line:column.
func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// lines turns offsets of a text into places.
type lines struct {
	file   string
	text   string
	starts []int // offset of each line

	// Where place was asked for last: a text that is one long line is asked
	// for ever later places.
	line, offset, column int
}

func newLines(file, text string) *lines {
	l := &lines{file: file, text: text, starts: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// place is where offset is; offsets beyond the text are at its end.
func (l *lines) place(offset int) Place {
	offset = max(0, min(offset, len(l.text)))
	line := sort.SearchInts(l.starts, offset+1)
	if line != l.line || offset < l.offset {
		l.line, l.offset, l.column = line, l.starts[line-1], 1
	}
	l.column += utf8.RuneCountInString(l.text[l.offset:offset])
	l.offset = offset
	return Place{File: l.file, Line: l.line, Column: l.column}
}
