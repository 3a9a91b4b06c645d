package rrset

import (
	"fmt"
	"strings"
)

// maxQuoted is how long a string in quotes is at most, its escapes counted but
// not its quotes: Designate counts 255 with both.
const maxQuoted = 253

// Quote writes a text as a zone file has it: strings in quotes, with what is not
// printable ASCII as \DDD.
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	length := 0
	for _, c := range []byte(text) {
		written := escape(c)
		if length += len(written); length > maxQuoted {
			b.WriteString(`" "`)
			length = len(written)
		}
		b.WriteString(written)
	}
	b.WriteByte('"')
	return b.String()
}

func escape(c byte) string {
	switch {
	case c == '"' || c == '\\':
		return `\` + string(rune(c))
	case c < ' ' || c > '~':
		return fmt.Sprintf(`\%03d`, c)
	}
	return string(rune(c))
}

const maxContent = 64 << 10 // bytes; more than any record can have

// Unquote reads strings in quotes and joins them. What does not begin with a
// quote is text as it is.
func Unquote(content string) (string, error) {
	if len(content) > maxContent {
		return "", fmt.Errorf("a text of %d bytes is too long", len(content))
	}
	rest := strings.TrimSpace(content)
	if !strings.HasPrefix(rest, `"`) {
		return content, nil
	}
	var b strings.Builder
	for rest != "" {
		if rest[0] != '"' {
			return "", fmt.Errorf("%.60q goes on behind its quotes", content)
		}
		n, err := unquoteOne(&b, rest[1:])
		if err != nil {
			return "", err
		}
		rest = strings.TrimSpace(rest[1+n:])
	}
	return b.String(), nil
}

// unquoteOne reads up to the closing quote and gives the place after it.
func unquoteOne(b *strings.Builder, s string) (int, error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return i + 1, nil
		case '\\':
			c, n, ok := escaped(s[i+1:])
			if !ok {
				return 0, fmt.Errorf("%.60q ends in the middle of an escape, or has one above 255", s)
			}
			b.WriteByte(c)
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return 0, fmt.Errorf("%.60q has no closing quote", s)
}

// escaped reads what follows a backslash: three digits, or one byte.
func escaped(s string) (c byte, length int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	if len(s) < 3 || !digits(s[:3]) {
		return s[0], 1, s[0] < '0' || s[0] > '9'
	}
	n := int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	return byte(n), 3, n <= 255
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }
