package proxy

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// grace is how long new requests wait at a switch for the running ones, so
// that no old answer arrives after a new one. Longer ones are left behind.
const grace = 250 * time.Millisecond

// route is where the requests of one instance go.
type route struct {
	instance string

	mu      sync.Mutex // guards all below, and running of every target
	current *target    // nil: none
	leaving []*target  // earlier ones that new requests wait for
}

// target is an AppServer as long as it is the active one, and until the
// requests it got meanwhile are done.
type target struct {
	address   string
	transport *http.Transport
	running   int
	until     time.Time     // when nobody waits for its requests any more; zero while it is current
	idle      chan struct{} // closed when it is not current and nothing runs
}

// turn sends new requests to the address, and says where they went before.
func (r *route) turn(address string) (from string, turned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current
	if old != nil {
		from = old.address
	}
	if from == address {
		return from, false
	}
	r.current = nil
	if address != "" {
		r.current = &target{address: address, transport: newTransport(), idle: make(chan struct{})}
	}
	if old == nil {
		return from, true
	}
	old.until = time.Now().Add(grace)
	old.transport.CloseIdleConnections()
	if old.running == 0 {
		close(old.idle)
	} else {
		r.leaving = append(r.leaving, old)
	}
	return from, true
}

// enter returns the target of a request, which is then running there; nil when
// there is none. It waits while requests to an earlier target are running.
func (r *route) enter(ctx context.Context) (*target, error) {
	for {
		t, old := r.tryEnter()
		if old == nil {
			return t, nil
		}
		timer := time.NewTimer(time.Until(old.until))
		select {
		case <-old.idle:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// tryEnter returns the target, or the earlier one to wait for.
func (r *route) tryEnter() (t, old *target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.leaving) > 0 && (r.leaving[0].running == 0 || !time.Now().Before(r.leaving[0].until)) {
		r.leaving = r.leaving[1:]
	}
	if r.current == nil {
		return nil, nil
	}
	if len(r.leaving) > 0 {
		return nil, r.leaving[0]
	}
	r.current.running++
	return r.current, nil
}

// leave says that a request to the target is over.
func (r *route) leave(t *target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.running--
	if t.running == 0 && !t.until.IsZero() {
		close(t.idle)
		t.transport.CloseIdleConnections()
	}
}

// moved says whether new requests go elsewhere than to the target.
func (r *route) moved(t *target) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current != t
}

// newTransport returns the connections to one target. Each target has its own,
// so that those of an old one can be closed without touching others.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		DisableCompression:     true, // answers pass as they are
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  10 * time.Minute, // long polls are longer than most timeouts
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		WriteBufferSize:        32 << 10,
		ReadBufferSize:         32 << 10,
	}
}
