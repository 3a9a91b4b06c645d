package output

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// Redactor replaces secrets by ***. A nil one replaces nothing.
type Redactor struct {
	words  [][]byte         // the longest first
	short  int              // length of the shortest
	long   int              // length of the longest
	shifts []uint8          // by a pair of bytes: how far no word can begin
	ends   map[uint16][]int // words by the last pair of their first short bytes
}

const (
	stars = "***"
	// shortest is how long a secret must be to be looked for: below, the log would
	// be riddled with stars, and who knew the rule could read it off them.
	shortest = 4
	// shortestLine is the same for the lines of a key.
	shortestLine = 16
)

// NewRedactor hides secrets, and their lines where they have several, also in
// base64 and as parts of URLs.
func NewRedactor(secrets []string) *Redactor {
	found := map[string]bool{}
	for _, secret := range secrets {
		for _, line := range pieces(secret) {
			for _, form := range forms(line) {
				found[form] = true
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	r := &Redactor{short: 1 << 30, ends: map[uint16][]int{}}
	for word := range found {
		r.words = append(r.words, []byte(word))
		r.short, r.long = min(r.short, len(word)), max(r.long, len(word))
	}
	slices.SortFunc(r.words, func(a, b []byte) int { return len(b) - len(a) })
	r.index()
	return r
}

// pieces are what is looked for of a secret: it, or its lines.
func pieces(secret string) []string {
	secret = strings.Trim(secret, "\r\n")
	if !strings.Contains(secret, "\n") {
		if len(secret) < shortest {
			return nil
		}
		return []string{secret}
	}
	var all []string
	for line := range strings.Lines(secret) {
		line = strings.TrimSpace(line)
		if len(line) >= shortestLine && !strings.HasPrefix(line, "-----") { // that one tells nothing
			all = append(all, line)
		}
	}
	return all
}

// forms are how a secret may be written.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	for before := range 3 { // bytes that share a group of base64 with it
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString(append(make([]byte, before), secret...))
			first := []int{0, 2, 3}[before]
			last := len(text)
			if (before+len(secret))%3 != 0 {
				last-- // it depends on what follows
			}
			if last-first >= shortestLine/2 {
				all = append(all, text[first:last])
			}
		}
	}
	return all
}

// index prepares the search: a window of the shortest word's length moves over
// the text, by as much as the pair at its end allows (Wu and Manber, 1994).
func (r *Redactor) index() {
	r.shifts = make([]uint8, 1<<16)
	window := min(r.short, 255)
	r.short = window
	for i := range r.shifts {
		r.shifts[i] = uint8(window - 1)
	}
	for w, word := range r.words {
		for i := 1; i < window; i++ {
			p := pair(word, i)
			r.shifts[p] = min(r.shifts[p], uint8(window-1-i))
		}
		end := pair(word, window-1)
		r.ends[end] = append(r.ends[end], w)
	}
}

// pair is the two bytes of s that end at i.
func pair(s []byte, i int) uint16 { return uint16(s[i-1])<<8 | uint16(s[i]) }

// Hide replaces the secrets in a text.
func (r *Redactor) Hide(text string) string {
	if r == nil {
		return text
	}
	shown, _ := r.redact(nil, []byte(text), true)
	return string(shown)
}

// redact appends text without the secrets to dst. Unless the text is whole, its
// end may be the beginning of one: what is not decided before more is known is
// left; used says how much of text was taken. What comes out does not depend on
// where the text was cut.
func (r *Redactor) redact(dst, text []byte, whole bool) (shown []byte, used int) {
	at := 0
	for at+r.short <= len(text) {
		end := pair(text, at+r.short-1)
		if shift := int(r.shifts[end]); shift > 0 {
			at += shift
			continue
		}
		word, undecided := r.match(text[at:], end, whole)
		if undecided {
			return append(dst, text[used:at]...), at
		}
		if word == 0 {
			at++
			continue
		}
		dst = append(append(dst, text[used:at]...), stars...)
		at += word
		used = at
	}
	last := len(text)
	if !whole {
		last = r.undecided(text, min(at, len(text)))
	}
	return append(dst, text[used:last]...), last
}

// match is the length of the longest word that text begins with, 0 for none.
// undecided says that a longer one might, were there more of the text.
func (r *Redactor) match(text []byte, end uint16, whole bool) (word int, undecided bool) {
	for _, w := range r.ends[end] {
		switch candidate := r.words[w]; {
		case len(candidate) > len(text):
			if !whole && bytes.HasPrefix(candidate, text) {
				return 0, true
			}
		case bytes.HasPrefix(text, candidate):
			return len(candidate), false
		}
	}
	return 0, false
}

// undecided is where in the last bytes of text, from at on, a word may begin.
func (r *Redactor) undecided(text []byte, at int) int {
	for ; at < len(text); at++ {
		if slices.ContainsFunc(r.words, func(w []byte) bool { return bytes.HasPrefix(w, text[at:]) }) {
			break
		}
	}
	return at
}
