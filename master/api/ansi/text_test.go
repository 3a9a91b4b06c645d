package ansi

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "one\ttwo\nthree", "one\ttwo\nthree"},
		{"colours", "\x1b[1;31mred\x1b[0m and \x1b[38;5;12mblue\x1b[m", "red and blue"},
		{"title", "\x1b]0;title\aafter", "after"},
		{"link", "\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text"},
		{"line ends", "a\r\nb\rc\n", "a\nb\nc\n"},
		{"two-byte sequences", "\x1b7x\x1b8\x1b(By", "xy"},
		{"no UTF-8", "a\xffb\xc3", "a\ufffdb\ufffd"},
		{"characters of several bytes", "naïve ☃ 𝄞", "naïve ☃ 𝄞"},
		{"control characters", "a\x00b\x07c\x08d\x7fe", "abcde"},
		{"reordering", "a\u202eb\u2066c", "abc"},
		{"C1", "a\u009b31mb", "a31mb"},
		{"unfinished", "a\x1b[3", "a"},
		{"sequence broken off", "\x1b[31\nnext", "\nnext"},
		{"endless string", "\x1b]" + strings.Repeat("x", 600), "]" + strings.Repeat("x", 600)},
	}
	for _, tt := range tests {
		if got, rest := Text([]byte(tt.in), true); got != tt.want || len(rest) != 0 {
			t.Errorf("%s: %q, rest %q; want %q", tt.name, got, rest, tt.want)
		}
	}
}

// However output is cut into pieces, the text is the same and harmless.
func FuzzText(f *testing.F) {
	f.Add([]byte("\x1b[31mred\x1b]0;t\x1b\\ é\r\n\xff"), uint8(3))
	f.Add([]byte("\x1b]"+strings.Repeat("x", 600)+"\r"), uint8(100))
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		whole, rest := Text(data, true)
		if len(rest) != 0 {
			t.Fatalf("rest of the last piece: %q", rest)
		}
		if !utf8.ValidString(whole) || strings.ContainsFunc(whole, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\t'
		}) {
			t.Fatalf("harmful text %q of %q", whole, data)
		}
		var pieces strings.Builder
		var kept []byte
		for step := int(cut) + 1; len(data) > 0; {
			n := min(step, len(data))
			text, rest := Text(append(kept, data[:n]...), false)
			pieces.WriteString(text)
			kept, data = append([]byte(nil), rest...), data[n:]
			if len(rest) > maxEscape+step {
				t.Fatalf("%d bytes are kept back", len(rest))
			}
		}
		text, _ := Text(kept, true)
		pieces.WriteString(text)
		if pieces.String() != whole {
			t.Fatalf("in pieces of %d: %q, whole: %q", int(cut)+1, pieces.String(), whole)
		}
	})
}
