package repos

import (
	"regexp"
	"strings"
	"unicode"
)

const (
	maxMessage = 500  // bytes of an error that are kept
	maxRaw     = 4096 // bytes of one that are looked at
	maxAuthor  = 80   // characters of a name
)

// clean makes a message of a stranger fit to be kept, shown and logged: one
// line, not too long, and without the users and passwords of URLs.
func clean(s string) string {
	if len(s) > maxRaw { // at a space, not within a URL
		s = s[:max(0, strings.LastIndexByte(s[:maxRaw], ' '))]
	}
	s = oneLine(s)
	s = regexp.MustCompile(`://[^\s/@"']*(?:@[^\s/@"']*)*@`).ReplaceAllString(s, "://")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

// oneLine is valid UTF-8 without anything that is not seen.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	}), " ")
}

// cleanAuthor is who made a commit, by name or else by mail address.
func cleanAuthor(name, mail string) string {
	for _, s := range []string{name, mail} {
		s = oneLine(s[:min(len(s), maxRaw)])
		if r := []rune(s); len(r) > maxAuthor {
			s = string(r[:maxAuthor]) + "…"
		}
		if s != "" {
			return s
		}
	}
	return "somebody without a name"
}
