package workspace

import (
	"fmt"
	"io"
	"sync"
)

// maxNotes bounds what one Fetch writes to its progress, in bytes.
const maxNotes = 1 << 20

// notes passes progress on, up to a bound. It never fails: a fetch does not
// depend on somebody listening.
type notes struct {
	mu   sync.Mutex // guards all below: go-git writes from goroutines of its own
	w    io.Writer
	left int
}

func newNotes(w io.Writer) *notes {
	if w == nil {
		w = io.Discard
	}
	return &notes{w: w, left: maxNotes}
}

func (n *notes) line(format string, args ...any) {
	fmt.Fprintf(n, format+"\n", args...)
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.left <= 0 {
		return len(p), nil
	}
	part := p[:min(len(p), n.left)]
	if n.left -= len(part); n.left <= 0 {
		part = append(part[:len(part):len(part)], "\n(more is not shown)\n"...)
	}
	n.w.Write(part)
	return len(p), nil
}
