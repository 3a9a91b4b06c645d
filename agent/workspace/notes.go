package workspace

import (
	"fmt"
	"io"
	"sync"
)

// maxNotes bounds what one Fetch writes to its progress, in bytes.
const maxNotes = 1 << 20

// maxNote bounds one line, in bytes.
const maxNote = 4 << 10

// notes passes whole lines of progress on, up to a bound, without the states
// that git overwrites on a terminal. It never fails: a fetch does not depend on
// somebody listening.
type notes struct {
	mu   sync.Mutex // guards all below: go-git writes from goroutines of its own
	w    io.Writer
	line []byte // the beginning of a line
	left int
}

func newNotes(w io.Writer) *notes {
	if w == nil {
		w = io.Discard
	}
	return &notes{w: w, left: maxNotes}
}

func (n *notes) printf(format string, args ...any) {
	fmt.Fprintf(n, "\n"+format+"\n", args...)
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range p {
		switch {
		case c == '\n':
			n.flush()
		case c == '\r':
			n.line = n.line[:0]
		case len(n.line) < maxNote:
			n.line = append(n.line, c)
		}
	}
	return len(p), nil
}

// flush passes the line on, unless it is empty.
func (n *notes) flush() {
	defer func() { n.line = n.line[:0] }()
	if len(n.line) == 0 || n.left <= 0 {
		return
	}
	if n.left -= len(n.line) + 1; n.left <= 0 {
		n.line = append(n.line[:0], "(more is not shown)"...)
	}
	_, _ = n.w.Write(append(n.line, '\n'))
}
