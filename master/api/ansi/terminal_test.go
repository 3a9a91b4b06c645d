package ansi

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// onTerminal is what a terminal gets of pieces of output.
func onTerminal(t *testing.T, pieces ...string) string {
	t.Helper()
	var out bytes.Buffer
	w := NewTerminal(&out)
	for _, piece := range pieces {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", piece, n, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTerminal(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"text", "one\ttwo\r\nnaïve ☃\n", "one\ttwo\r\nnaïve ☃\n"},
		{"colours", "\x1b[1;31mred\x1b[0m \x1b[38:5:12mblue", "\x1b[1;31mred\x1b[0m \x1b[38:5:12mblue\x1b[m"},
		{"progress bar", "10%\r\x1b[K20%\r\x1b[2K", "10%\r\x1b[K20%\r\x1b[2K"},
		{"title", "\x1b]0;evil\aafter", "after"},
		{"clipboard", "\x1b]52;c;cm0gLXJmIH4K\x1b\\after", "after"},
		{"link", "\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text"},
		{"device control", "\x1bP$q\"p\x1b\\after", "after"},
		{"answer as if typed", "\x1b[6n\x1b[c\x1b[21t\x1b[?1;2c\x1bZafter", "after"},
		{"moving about", "\x1b[2J\x1b[1;1H\x1b[5A\x1b7\x1b8\x1bcafter", "after"},
		{"modes", "\x1b[?1049h\x1b[?2004l\x1b[4hafter", "after"},
		{"keyboard set up", "\x1b[>4;2mafter", "after"},
		{"colour with an intermediate byte", "\x1b[1 mafter", "after"},
		{"character sets", "\x1b(0\x0eafter", "after"},
		{"one-byte introducers", "\u009b6n\u009d0;evil\u009cafter \x9b6n", "6n0;evilafter \ufffd6n"},
		{"bell, backspace, delete, null", "a\a\b\x7f\x00b", "ab"},
		{"reordering", "a\u202eb", "ab"},
		{"unfinished", "a\x1b]0;x", "a"},
	}
	for _, tt := range tests {
		if got := onTerminal(t, tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if got := onTerminal(t, strings.Split(tt.in, "")...); got != tt.want {
			t.Errorf("%s, in pieces: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A terminal that is gone is an error, not lost text.
func TestTerminalThatIsGone(t *testing.T) {
	w := NewTerminal(gone{})
	if _, err := w.Write([]byte("text")); !errors.Is(err, errGone) {
		t.Errorf("error %v, want %v", err, errGone)
	}
}

var errGone = errors.New("gone")

type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errGone }

// Nothing gets through but characters, colours and the erasing of a line.
func FuzzTerminal(f *testing.F) {
	f.Add([]byte("\x1b[31mred\x1b]0;t\x1b\\ é\r\n\xff\x1b[K"), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		whole := onTerminal(t, string(data))
		var pieces []string
		for rest := data; len(rest) > 0; {
			n := min(int(cut)+1, len(rest))
			pieces, rest = append(pieces, string(rest[:n])), rest[n:]
		}
		if got := onTerminal(t, pieces...); got != whole {
			t.Fatalf("in pieces %q, whole %q", got, whole)
		}
		for rest := whole; ; {
			_, after, found := strings.Cut(rest, "\x1b")
			if !found {
				break
			}
			end := strings.IndexAny(after, "mK")
			if end < 1 || after[0] != '[' || strings.Trim(after[1:end], "0123456789;:") != "" {
				t.Fatalf("%q gets through as %q", data, whole)
			}
			rest = after[end:]
		}
		if strings.ContainsAny(whole, "\a\b\x00\x0e\x0f\x7f\u009b\u009d\u0090") {
			t.Fatalf("%q gets through as %q", data, whole)
		}
	})
}
