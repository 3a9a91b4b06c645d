package main

import "sync"

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex // guards all below
	end []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	const most = 4 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, b[max(0, len(b)-most):]...)
	t.end = append([]byte(nil), t.end[max(0, len(t.end)-most):]...)
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end)
}
