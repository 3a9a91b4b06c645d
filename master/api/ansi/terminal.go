package ansi

import (
	"bytes"
	"io"
	"slices"
	"unicode/utf8"
)

// reset ends all colours.
const reset = "\x1b[m"

// Terminal writes output to a terminal. Colours pass, and what progress bars
// need: carriage returns and the erasing of a line. All other control
// characters and sequences are left out, among them those that set titles, reach for
// the clipboard, move about, or have the terminal answer as if a person typed.
type Terminal struct {
	out     io.Writer
	kept    []byte // what may go on in the next piece
	painted bool   // a sequence passed that may be in effect
}

// NewTerminal makes a writer to out, which is a terminal.
func NewTerminal(out io.Writer) *Terminal { return &Terminal{out: out} }

// Write takes all of data; of an incomplete sequence at its end the rest is
// waited for.
func (t *Terminal) Write(data []byte) (int, error) {
	if err := t.pass(append(t.kept, data...), false); err != nil {
		return 0, err
	}
	return len(data), nil
}

// Close writes what was waited for in vain, and ends colours. It does not
// close the terminal.
func (t *Terminal) Close() error {
	if err := t.pass(t.kept, true); err != nil {
		return err
	}
	if !t.painted {
		return nil
	}
	t.painted = false
	_, err := io.WriteString(t.out, reset)
	return err
}

func (t *Terminal) pass(data []byte, last bool) error {
	var b bytes.Buffer
	for len(data) > 0 {
		n, whole := token(data)
		if !whole && !last {
			break
		}
		t.token(&b, data[:n])
		data = data[n:]
	}
	t.kept = slices.Clone(data)
	_, err := t.out.Write(b.Bytes())
	return err
}

func (t *Terminal) token(b *bytes.Buffer, token []byte) {
	switch c := token[0]; {
	case c == '\r' || c == '\n' || c == '\t' || c >= ' ' && c < 0x7f:
		b.Write(token)
	case isColour(token):
		t.painted = true
		b.Write(token)
	case isErasure(token):
		b.Write(token)
	case c >= utf8.RuneSelf:
		for _, r := range string(token) {
			if !hidden(r) {
				b.WriteRune(r)
			}
		}
	}
}

// isColour tells whether a token is ESC [ digits ; … m and no variant of it,
// such as ESC [ > … m, by which terminals are set up.
func isColour(token []byte) bool { return isControl(token, 'm', "0123456789;:") }

// isErasure tells whether a token is ESC [ K, which clears the present line.
func isErasure(token []byte) bool { return isControl(token, 'K', "012") }

func isControl(token []byte, final byte, parameters string) bool {
	n := len(token)
	if n < 3 || token[0] != esc || token[1] != '[' || token[n-1] != final {
		return false
	}
	return len(bytes.Trim(token[2:n-1], parameters)) == 0
}
