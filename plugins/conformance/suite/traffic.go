package suite

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// traffic knows which connections to the proxy have a request under way.
type traffic struct {
	mu    sync.Mutex       // guards all below
	conns map[net.Conn]int // odd: a request is under way; grows when one begins and when it ends
}

// changed is the server's ConnState.
func (t *traffic) changed(c net.Conn, s http.ConnState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conns == nil {
		t.conns = map[net.Conn]int{}
	}
	n := t.conns[c]
	switch {
	case s == http.StateClosed || s == http.StateHijacked:
		delete(t.conns, c)
	case s == http.StateActive && n%2 == 0, s == http.StateIdle && n%2 == 1:
		t.conns[c] = n + 1
	default:
		t.conns[c] = n
	}
}

// accepted says whether the server has taken a connection that came from there.
func (t *traffic) accepted(from string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		if c.RemoteAddr().String() == from {
			return true
		}
	}
	return false
}

// underway gives the requests that are.
func (t *traffic) underway() map[net.Conn]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := map[net.Conn]int{}
	for c, n := range t.conns {
		if n%2 == 1 {
			found[c] = n
		}
	}
	return found
}

// over says whether none of these requests is still under way.
func (t *traffic) over(requests map[net.Conn]int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c, n := range requests {
		if t.conns[c] == n {
			return false
		}
	}
	return true
}

// settle waits until the backend has answered what it was asked for: a request
// that was under way when its provider was killed, or gave it up, is nobody's
// fault. What hangs is waited for only a while.
func (t *T) settle() {
	if t.proxy == nil {
		return
	}
	// Connections are taken in their order: once this one is, those before it are.
	c, err := net.Dial("tcp", t.proxy.at)
	if err != nil {
		t.Errorf("the suite cannot reach its own proxy: %v", err)
		return
	}
	defer func() { _ = c.Close() }()
	t.eventually(settling, func() bool { return t.proxy.traffic.accepted(c.LocalAddr().String()) })
	requests := t.proxy.traffic.underway()
	t.eventually(settling, func() bool { return t.proxy.traffic.over(requests) })
}

// soon is the 5 s in which a call that was given up must end, and some more. over
// is how much too late the host itself gave its calls up, which no provider can
// help: on a machine where that is long, everything is.
func (t *T) soon(over time.Duration) time.Duration {
	const contract, more = 5 * time.Second, 3 * time.Second
	return contract + max(more, 4*over)
}

// silent waits until no request waits for the backend any more.
func (t *T) silent(patience time.Duration) bool {
	return t.eventually(patience, func() bool { _, _, waiting := t.proxy.requests(); return waiting == 0 })
}
