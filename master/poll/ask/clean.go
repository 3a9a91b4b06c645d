package ask

import (
	"regexp"
	"strings"
	"unicode"
)

// maxMessage bounds an error that is kept and shown, in bytes.
const maxMessage = 500

// maxRaw bounds what of an error is looked at, in bytes.
const maxRaw = 4096

// Clean makes a message of a stranger fit to be kept, shown and logged: one
// line, not too long, and without the users and passwords of URLs.
func Clean(s string) string {
	if len(s) > maxRaw { // at a space, not within a URL
		s = s[:max(0, strings.LastIndexByte(s[:maxRaw], ' '))]
	}
	s = strings.ToValidUTF8(s, "?")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	}), " ")
	s = regexp.MustCompile(`://[^\s/@"']*(?:@[^\s/@"']*)*@`).ReplaceAllString(s, "://")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

// cleanError is an error whose text is clean; errors.Is and As see through it.
type cleanError struct{ error }

func cleaned(err error) error {
	if err == nil {
		return nil
	}
	return cleanError{err}
}

// Error is the cleaned text.
func (e cleanError) Error() string { return Clean(e.error.Error()) }

// Unwrap is the error as it was.
func (e cleanError) Unwrap() error { return e.error }
