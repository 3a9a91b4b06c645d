package proxy

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins/balancer"
)

// grace is how long new requests wait at a switch for the running ones, so
// that no old answer arrives after a new one. Longer ones are left behind.
const grace = 250 * time.Millisecond

// route is where the requests of one name go.
type route struct {
	name     string            // for people: the instance, or the whole name
	followed bool              // the facts say where it leads, not a caller of the contract
	tags     map[string]string // of its owner; empty if it is followed
	targets  []balancer.Target // as its owner said; the proxy's mutex guards both

	mu      sync.Mutex // guards all below, and running and next of every target
	current *target    // nil: none
	leaving []*target  // earlier ones that new requests wait for
}

// target is one or more AppServers as long as they are the active ones, and
// until the requests they got meanwhile are done.
type target struct {
	addresses []string // sorted; the requests go round
	next      int
	transport *http.Transport
	running   int
	until     time.Time     // when nobody waits for its requests any more; zero while it is current
	idle      chan struct{} // closed when it is not current and nothing runs
}

// turn sends new requests to the addresses, and says where they went before.
func (r *route) turn(addresses []string) (from []string, turned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current
	if old != nil {
		from = old.addresses
	}
	addresses = slices.Compact(slices.Sorted(slices.Values(addresses)))
	if slices.Equal(from, addresses) {
		return from, false
	}
	r.current = nil
	if len(addresses) > 0 {
		r.current = &target{addresses: addresses, transport: newTransport(), idle: make(chan struct{})}
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

// enter returns the target of a request, which is then running there, and which
// of its addresses is asked; nil when there is none. It waits while requests to
// an earlier target are running.
func (r *route) enter(ctx context.Context) (*target, string, error) {
	for {
		t, address, old := r.tryEnter()
		if old == nil {
			return t, address, nil
		}
		timer := time.NewTimer(time.Until(old.until))
		select {
		case <-old.idle:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
	}
}

// tryEnter returns the target, or the earlier one to wait for.
func (r *route) tryEnter() (t *target, address string, old *target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.leaving) > 0 && (r.leaving[0].running == 0 || !time.Now().Before(r.leaving[0].until)) {
		r.leaving = r.leaving[1:]
	}
	if r.current == nil {
		return nil, "", nil
	}
	if len(r.leaving) > 0 {
		return nil, "", r.leaving[0]
	}
	t = r.current
	t.running++
	t.next = (t.next + 1) % len(t.addresses)
	return t, t.addresses[t.next], nil
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
