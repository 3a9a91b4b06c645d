// Package ansi takes the output of builds apart into characters and control
// sequences, so that people can look at it without being harmed: as text, for
// pages, or on a terminal, where colours stay and nothing else. It does not
// know where the output comes from.
package ansi

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// maxEscape bounds a control sequence that is waited for, in bytes. A longer
// one is taken for text that happens to begin like one.
const maxEscape = 512

const esc = 0x1b

// Text turns output into text that can be shown: ANSI sequences and control
// characters go, what is no UTF-8 becomes a replacement character, and a
// carriage return ends a line. What may go on in the next piece of output is
// left over in rest, unless this is the last one; text does not depend on
// where pieces are cut.
func Text(data []byte, last bool) (text string, rest []byte) {
	var b strings.Builder
	b.Grow(len(data))
	for len(data) > 0 {
		n, whole := token(data)
		if !whole && !last {
			return b.String(), data
		}
		writeToken(&b, data[:n])
		data = data[n:]
	}
	return b.String(), nil
}

// token measures what comes first: a character, a line end or a sequence. It
// is not whole if more bytes could change it.
func token(data []byte) (n int, whole bool) {
	switch c := data[0]; {
	case c == esc:
		return sequence(data)
	case c == '\r' && len(data) == 1:
		return 1, false
	case c == '\r' && data[1] == '\n':
		return 2, true
	case c < utf8.RuneSelf:
		return 1, true
	case !utf8.FullRune(data):
		return len(data), false
	}
	_, n = utf8.DecodeRune(data)
	return n, true
}

// sequence measures what begins with ESC.
func sequence(data []byte) (n int, whole bool) {
	if len(data) == 1 {
		return 1, false
	}
	switch c := data[1]; {
	case c == '[':
		return controlSequence(data)
	case strings.IndexByte("]PX^_", c) >= 0: // a string, ended by BEL or ESC \
		return stringSequence(data)
	case strings.IndexByte("()*+#% ", c) >= 0:
		return bounded(data, 3)
	case c >= '0' && c <= '~':
		return 2, true
	}
	return 1, true // a lone ESC
}

// controlSequence is ESC [, parameters, and one final byte.
func controlSequence(data []byte) (n int, whole bool) {
	end := bytes.IndexFunc(data[2:], func(r rune) bool { return r < ' ' || r > '?' })
	if end < 0 {
		return bounded(data, -1)
	}
	if c := data[2+end]; (c < '@' || c > '~') && 2+end < maxEscape {
		return 2 + end, true // broken off by what is no part of it
	}
	return bounded(data, end+3)
}

func stringSequence(data []byte) (n int, whole bool) {
	for i := 2; i < min(len(data), maxEscape); i++ {
		switch data[i] {
		case '\a':
			return i + 1, true
		case '\n', '\r':
			return i, true // nobody would send that
		case esc:
			if i+1 == len(data) {
				return len(data), false
			}
			if data[i+1] == '\\' {
				return i + 2, true
			}
			return i, true
		}
	}
	return bounded(data, -1)
}

// bounded is a sequence that ends at end, or has not ended yet (-1).
func bounded(data []byte, end int) (n int, whole bool) {
	switch {
	case end > maxEscape || end < 0 && len(data) >= maxEscape:
		return 1, true // only its ESC goes
	case end < 0 || end > len(data):
		return len(data), false
	}
	return end, true
}

func writeToken(b *strings.Builder, t []byte) {
	switch c := t[0]; {
	case c == '\r':
		b.WriteByte('\n')
	case c == '\n' || c == '\t' || c >= ' ' && c < 0x7f:
		b.WriteByte(c)
	case c < utf8.RuneSelf: // control characters and sequences
	default:
		for _, r := range string(t) { // what is no UTF-8 comes out as U+FFFD
			if !hidden(r) {
				b.WriteRune(r)
			}
		}
	}
}

// hidden tells whether a character would reorder or hide text.
func hidden(r rune) bool {
	return r >= 0x80 && r < 0xa0 || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
