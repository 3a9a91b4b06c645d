// Package proxy sends http://NAME.localhost:PORT/ to the active AppServer of
// instance NAME, and follows when another AppServer becomes active without
// dropping a request or going back: once anybody has seen the new AppServer,
// no new request is answered by the old one.
//
// It is a balancer by the contract of plugins/balancer, too: names can be set,
// listed and deleted. The facts give the names of this machine (see Follow);
// elsewhere the DNS provider and the balancer of an instance do this.
//
// It does not know why an AppServer is active, and remembers nothing: it is told
// where requests go.
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

	mu     sync.RWMutex      // guards all below
	routes map[string]*route // by host name, in lower case
}

// domain is where the instances' own names are.
const domain = ".localhost"

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
		p.Follow(routes)
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

// Follow says where the requests of each instance go from now on: to host:port,
// or nowhere if that is empty. Instances that are missing are unknown from now
// on. Those whose address stays the same are not touched, nor are routes that
// were set by the contract.
func (p *Proxy) Follow(instances map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, address := range instances {
		if !validAddress(address) {
			p.log.Warn("an AppServer's address is not host:port", "instance", name, "address", address)
			address = ""
		}
		p.follow(name, address)
	}
	for host, r := range p.routes {
		if _, known := instances[r.name]; r.followed && !known {
			p.turn(r, nil)
			delete(p.routes, host)
		}
	}
}

func (p *Proxy) follow(name, address string) {
	r := p.routes[name+domain]
	if r != nil && !r.followed { // the facts' word counts more
		p.turn(r, nil)
		r = nil
	}
	if r == nil {
		r = &route{name: name, followed: true}
		p.routes[name+domain] = r
	}
	if address == "" {
		p.turn(r, nil)
		return
	}
	p.turn(r, []string{address})
}

func (p *Proxy) turn(r *route, addresses []string) {
	if from, turned := r.turn(addresses); turned {
		p.log.Info("requests go to another AppServer", "name", r.name, "from", from, "to", addresses)
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

// hostName is the name in a Host header, as routes are kept by.
func hostName(host string) string {
	host, port, found := strings.Cut(host, ":")
	if n, err := strconv.ParseUint(port, 10, 16); found && (err != nil || n == 0) {
		return ""
	}
	return normal(host)
}

// Match returns the instance that a Host header names: "shop.localhost:8080"
// is shop. Names are DNS labels, in any case; every other host is not ours.
// Whether there is such an instance is another question.
func (p *Proxy) Match(host string) (instance string, ok bool) {
	host, port, found := strings.Cut(host, ":")
	if n, err := strconv.ParseUint(port, 10, 16); found && (err != nil || n == 0) {
		return "", false
	}
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
	p.mu.RLock()
	to := p.routes[hostName(r.Host)]
	p.mu.RUnlock()
	switch {
	case to == nil:
		unknownPage(w, r.Host)
	case circling(r.Header):
		circlePage(w, to.name)
	default:
		p.forward(w, r, to)
	}
}

func (p *Proxy) forward(w http.ResponseWriter, r *http.Request, to *route) {
	v := &visit{route: to}
	defer v.leave()
	if err := v.enter(r.Context()); err != nil {
		absentPage(w, to.name) // the client is gone, or the server about to be
		return
	}
	if v.target == nil {
		absentPage(w, to.name)
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
		absentPage(w, v.route.name)
	default:
		p.log.Warn("an AppServer does not answer", "name", v.route.name, "error", err)
		silentPage(w, v.route.name)
	}
}

// buffers are what bodies are copied through.
type buffers struct{ pool sync.Pool }

// Get returns a buffer.
func (b *buffers) Get() []byte { return b.pool.Get().([]byte) }

// Put takes one back.
func (b *buffers) Put(buf []byte) { b.pool.Put(buf) } //nolint:staticcheck // a slice header per request is cheap
