// Package proxy sends http://NAME.localhost:PORT/ to the active AppServer of
// instance NAME, and follows when another AppServer becomes active without
// dropping a request or going back: once anybody has seen the new AppServer,
// no new request is answered by the old one.
//
// It does not know why an AppServer is active, and changes nothing: it is told
// where requests go. It serves names on this machine only; elsewhere the DNS
// provider of an instance does this.
package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
)

// Proxy is the way to the active AppServers. It is safe for concurrent use.
type Proxy struct {
	log *slog.Logger
	rev *httputil.ReverseProxy

	mu     sync.RWMutex // guards all below
	routes map[string]*route
}

// New returns a proxy that knows no instance yet.
func New(log *slog.Logger) *Proxy {
	p := &Proxy{log: log, routes: map[string]*route{}}
	p.rev = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      sender{},
		FlushInterval:  -1, // streams must not wait for a buffer to fill
		ModifyResponse: letGo,
		ErrorHandler:   p.failed,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BufferPool:     &buffers{sync.Pool{New: func() any { return make([]byte, 32<<10) }}},
	}
	return p
}

// Run keeps the routes as the facts say until ctx ends.
func (p *Proxy) Run(ctx context.Context, st *store.Store) error {
	sub := st.Subscribe(state.KindInForce, state.KindActive, state.KindAppServer)
	defer st.Unsubscribe(sub)
	for {
		select {
		case <-sub.Wake():
		case <-ctx.Done():
			return nil
		}
		sub.Take()
		var routes map[string]string
		st.Read(func(f *state.Facts) { routes = Routes(f) })
		p.Set(routes)
	}
}

// Routes says where the requests of each instance go, as host:port; empty for
// an instance without an AppServer that could answer.
func Routes(f *state.Facts) map[string]string {
	routes := make(map[string]string, len(f.Manifests))
	for name := range f.Manifests {
		routes[name] = ""
	}
	for name, active := range f.Actives {
		routes[name] = ""
		a := f.AppServers[active.AppServer]
		if a != nil && a.State != state.Terminating && a.State != state.Terminated {
			routes[name] = a.Address
		}
	}
	return routes
}

// Set says where the requests of each instance go from now on: to host:port,
// or nowhere if that is empty. Instances that are missing are unknown from now
// on. Those whose address stays the same are not touched.
func (p *Proxy) Set(routes map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, address := range routes {
		if !validAddress(address) {
			p.log.Warn("an AppServer's address is not host:port", "instance", name, "address", address)
			address = ""
		}
		if p.routes[name] == nil {
			p.routes[name] = &route{instance: name}
		}
		p.turn(p.routes[name], address)
	}
	for name, r := range p.routes {
		if _, known := routes[name]; !known {
			p.turn(r, "")
			delete(p.routes, name)
		}
	}
}

func (p *Proxy) turn(r *route, address string) {
	if from, turned := r.turn(address); turned {
		p.log.Info("requests go to another AppServer", "instance", r.instance, "from", from, "to", address)
	}
}

func validAddress(s string) bool {
	if s == "" {
		return true
	}
	host, port, err := net.SplitHostPort(s)
	n, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && n > 0 && host != "" && !strings.ContainsAny(host, "/@?#\\ %")
}

// Match returns the instance that a Host header names: "shop.localhost:8080"
// is shop. Names are DNS labels, in any case; every other host is not ours.
// Whether there is such an instance is another question.
func (p *Proxy) Match(host string) (instance string, ok bool) {
	host, port, found := strings.Cut(host, ":")
	if found {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", false
		}
	}
	const domain = ".localhost"
	n := len(host) - len(domain)
	if n < 0 || !strings.EqualFold(host[n:], domain) || !label(host[:n]) {
		return "", false
	}
	return strings.ToLower(host[:n]), true
}

func label(s string) bool {
	for i := range len(s) {
		if !('a' <= s[i] && s[i] <= 'z' || 'A' <= s[i] && s[i] <= 'Z' || '0' <= s[i] && s[i] <= '9' || s[i] == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

// ServeHTTP answers a request to an instance with what its active AppServer
// says. There are pages for when that is not possible: 404 for a name that no
// instance has, 503 when it has no active AppServer, 502 when that does not
// answer, 508 for a request that goes round in circles.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := p.Match(r.Host)
	p.mu.RLock()
	to := p.routes[name]
	p.mu.RUnlock()
	switch {
	case !ok || to == nil:
		unknownPage(w, r.Host)
	case circling(r.Header):
		circlePage(w, name)
	default:
		p.forward(w, r, to)
	}
}

func (p *Proxy) forward(w http.ResponseWriter, r *http.Request, to *route) {
	v := &visit{route: to}
	defer v.leave()
	if err := v.enter(r.Context()); err != nil {
		absentPage(w, to.instance) // the client is gone, or the server about to be
		return
	}
	if v.target == nil {
		absentPage(w, to.instance)
		return
	}
	p.rev.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
	// Who waits for this request to be over must not overtake its answer.
	if v.target != nil && w.Header().Get("Content-Length") != "" {
		_ = http.NewResponseController(w).Flush()
	}
}

// failed answers a request that no AppServer has answered.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	v := visitOf(r.Context())
	switch {
	case r.Context().Err() != nil:
		w.WriteHeader(http.StatusBadGateway) // nobody reads it
	case errors.Is(err, errAbsent):
		absentPage(w, v.route.instance)
	default:
		p.log.Warn("an AppServer does not answer", "instance", v.route.instance, "error", err)
		silentPage(w, v.route.instance)
	}
}

// buffers are what bodies are copied through.
type buffers struct{ pool sync.Pool }

// Get returns a buffer.
func (b *buffers) Get() []byte { return b.pool.Get().([]byte) }

// Put takes one back.
func (b *buffers) Put(buf []byte) { b.pool.Put(buf) } //nolint:staticcheck // a slice header per request is cheap
