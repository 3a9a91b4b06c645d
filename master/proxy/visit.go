package proxy

import (
	"context"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"
)

// patience is how long a request that reaches nobody is tried again.
const patience = 2 * time.Second

// Between tries.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 100 * time.Millisecond
)

// via is how this proxy signs the requests it sends on; more than maxVia
// signatures are a circle.
const (
	via    = "1.1 wright"
	maxVia = 5
)

var errAbsent = errors.New("no active AppServer")

// visit is one request on its way: where it runs. It belongs to the goroutine
// that serves the request.
type visit struct {
	route   *route
	target  *target // nil: nowhere
	address string  // which of the target's
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit { return ctx.Value(visitKey{}).(*visit) }

func (v *visit) enter(ctx context.Context) (err error) {
	v.target, v.address, err = v.route.enter(ctx)
	return err
}

func (v *visit) leave() {
	if v.target != nil {
		v.route.leave(v.target)
		v.target = nil
	}
}

// sender sends a request to the target it visits, and on to the next one when
// that is just going away.
type sender struct{}

// RoundTrip sends the request.
func (sender) RoundTrip(r *http.Request) (*http.Response, error) {
	v := visitOf(r.Context())
	deadline := time.Now().Add(patience)
	for wait := firstPause; ; wait = min(2*wait, maxPause) {
		resp, err := v.send(r)
		if err == nil || !v.mayRepeat(r, err) || !time.Now().Add(wait).Before(deadline) {
			return resp, err
		}
		v.leave()
		if err := pause(r.Context(), wait); err != nil {
			return nil, err
		}
		if err := v.enter(r.Context()); err != nil {
			return nil, err
		}
	}
}

func (v *visit) send(r *http.Request) (*http.Response, error) {
	if v.target == nil {
		return nil, errAbsent
	}
	out := r.WithContext(r.Context())
	url := *r.URL
	url.Scheme, url.Host = "http", v.address
	out.URL = &url
	return v.target.transport.RoundTrip(out)
}

// mayRepeat says whether a failed request may be sent again: when nobody has
// got it, or when it changes nothing and its target was replaced meanwhile.
func (v *visit) mayRepeat(r *http.Request, err error) bool {
	if r.Body != nil && r.Body != http.NoBody || r.Context().Err() != nil {
		return false
	}
	var op *net.OpError
	if errors.Is(err, errAbsent) || errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	return safe && v.route.moved(v.target)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rewrite makes the request that is sent from the one that came. What a client
// says about where it comes from is not believed.
func rewrite(p *httputil.ProxyRequest) {
	for name := range p.Out.Header {
		if strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip" {
			p.Out.Header.Del(name)
		}
	}
	p.SetXForwarded()
	p.Out.Header.Add("Via", via)
	p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came, even where it is odd
}

func circling(h http.Header) bool {
	n := 0
	for _, line := range h.Values("Via") {
		n += strings.Count(line, via)
	}
	return n > maxVia
}

// letGo lets a switch not wait for answers that go on for as long as somebody
// listens.
func letGo(resp *http.Response) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusSwitchingProtocols || kind == "text/event-stream" {
		visitOf(resp.Request.Context()).leave()
	}
	return nil
}
