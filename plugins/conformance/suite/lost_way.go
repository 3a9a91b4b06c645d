package suite

import (
	"fmt"
	"io"
	"net/http"
)

const (
	lostWayDoc  = "A 404 says that something is gone only when the backend itself says it: one of a gateway, a load balancer or a wrong address is transient."
	lostWayMend = "read the body of a 404: not-found is only what the backend says in its own words (its JSON, its code); any other 404 is plugins.Transient"
)

// tellsItself learns how the backend says that something is gone, of what was made
// and deleted, and ends the check where anybody's 404 looks like its own.
func (t *T) tellsItself(gone []made) {
	for _, m := range gone {
		for _, at := range append(m.places(), m.beside("wright-conformance-nobody")) {
			t.proxy.askFor(http.MethodGet, at, m.header)
		}
		if !t.proxy.audit.isGone(m) {
			continue
		}
		for _, at := range m.places() { // what is gone can be deleted once more
			t.proxy.askFor(http.MethodDelete, at, m.header)
		}
	}
	if !t.proxy.speaks() {
		t.Skipf("the backend's own 404 cannot be told from a gateway's: it was seen without a JSON object, or never")
	}
}

// askFor asks the backend for something as the provider would, to see its answer.
func (p *proxy) askFor(method, at string, header http.Header) {
	r, err := http.NewRequest(method, p.target.Scheme+"://"+p.target.Host+at, nil)
	if err != nil {
		return
	}
	r.Header = header.Clone()
	answer, err := p.transport.RoundTrip(r)
	if err != nil {
		return
	}
	defer func() { _ = answer.Body.Close() }()
	if text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20)); err == nil {
		p.language(answer, text)
	}
}

// cloudLostWay has single requests of calls meet a 404 that is not the backend's.
func cloudLostWay(b *cloudBench) {
	b.mediated()
	_, p := b.start()
	b.made()
	counts := b.requestsOf(p)
	b.tellsItself(b.made())
	b.faultyWithout(p, []Fault{nobody()}, counts)
}

// lostWay is the same for the other kinds.
func lostWay(b *bench) {
	b.mediated()
	_, m := b.start()
	b.made()
	b.took(m)
	b.tellsItself(b.made())
	f := nobody()
	for _, call := range []string{b.trade.list, "Delete"} {
		n := b.requestsOf(m, call)
		for f.Request = 1; f.Request <= min(n, 3) && !b.Failed(); f.Request++ {
			b.meet(m, call, f, fmt.Sprintf("lost-%s-%d", call, f.Request))
		}
	}
}
