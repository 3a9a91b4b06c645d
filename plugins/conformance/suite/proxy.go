package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
)

// proxy stands between the provider and its HTTP backend, keeps a record of what
// was made and removed there, and fails as told.
type proxy struct {
	audit     audit
	traffic   traffic
	words     words
	mail      *mailbox // of a notifier's messages; nil for other kinds
	late      sync.WaitGroup
	server    *http.Server
	transport *http.Transport
	at        string
	target    *url.URL

	mu      sync.Mutex // guards all below
	fault   *Fault
	count   int // requests since the fault was set
	met     int // of them, those that met the fault
	hanging int // requests that wait for an answer that never comes
	due     int // requests that are answered and still to be carried out

	json404, plain404 bool // what the backend's own 404s looked like
}

const maxBody = 64 << 20 // bytes of a request or an answer

// newProxy starts a proxy that is faultless until told otherwise; it ends with the check.
func newProxy(t *T, target string) *proxy {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		t.Fatalf("endpoint: the setting %q is no URL of an HTTP backend", t.subject.Endpoint)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("the suite cannot listen for its proxy: %v", err)
	}
	p := &proxy{target: u, at: l.Addr().String(), transport: &http.Transport{DisableCompression: true}}
	if t.kind == plugins.Notifier {
		p.mail = &mailbox{}
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute, ConnState: p.traffic.changed}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = p.server.Close()
		p.late.Wait()
		p.transport.CloseIdleConnections()
		<-done
	})
	return p
}

// url is where the provider is told that its backend is.
func (p *proxy) url() string {
	u := *p.target
	u.Scheme, u.Host = "http", p.at
	return u.String()
}

// set has requests from now on meet a fault; nil means none.
func (p *proxy) set(f *Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.count, p.met = f, 0, 0
}

// requests gives how many came since the fault was set, how many of them met
// it, and how many still wait.
func (p *proxy) requests() (count, met, hanging int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count, p.met, p.hanging
}

// meet gives the fault that a request meets.
func (p *proxy) meet(method string) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.fault
	writes := method != http.MethodGet && method != http.MethodHead
	if f != nil && f.Writes && !writes {
		return Fault{}
	}
	p.count++
	if f == nil || f.Request != 0 && f.Request != p.count || p.count < f.From {
		return Fault{}
	}
	p.met++
	return *f
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	f := p.meet(r.Method)
	if !wait(r, f.Delay) {
		return
	}
	if f.Mode == Hang {
		p.hang(r)
		panic(http.ErrAbortHandler)
	}
	var answer *backendAnswer
	if f.After || f.Status == 0 && f.Mode == Plain {
		if answer, err = p.ask(r, body); err != nil {
			http.Error(w, "the suite's proxy cannot reach the backend: "+err.Error(), http.StatusBadGateway)
			return
		}
	}
	if f.Late > 0 {
		p.carryOut(r, body, f.Late)
	}
	if f.Mode == Hollow && !p.words.always(r) {
		f.Mode = Plain
	}
	f.write(w, r, answer)
}

// carryOut passes a request on when it was answered long ago.
func (p *proxy) carryOut(r *http.Request, body []byte, after time.Duration) {
	r = r.Clone(context.WithoutCancel(r.Context())) // the connection may end before
	p.mu.Lock()
	p.due++
	p.mu.Unlock()
	p.late.Go(func() {
		<-time.After(after)
		_, _ = p.ask(r, body) // nobody waits for the answer
		p.mu.Lock()
		p.due--
		p.mu.Unlock()
	})
}

// overdue gives how many requests are still to be carried out.
func (p *proxy) overdue() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.due
}

func wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (p *proxy) hang(r *http.Request) {
	p.mu.Lock()
	p.hanging++
	p.mu.Unlock()
	<-r.Context().Done()
	p.mu.Lock()
	p.hanging--
	p.mu.Unlock()
}

type backendAnswer struct {
	status int
	header http.Header
	body   []byte
}

// ask carries a request out, also when whoever asked is gone: what the backend
// would do does not end with the connection.
func (p *proxy) ask(r *http.Request, body []byte) (*backendAnswer, error) {
	u := *r.URL
	u.Scheme, u.Host = p.target.Scheme, p.target.Host
	out, err := http.NewRequest(r.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("pass on %s %s: %w", r.Method, r.URL.Path, err)
	}
	out.Header = r.Header.Clone()
	for _, h := range []string{"Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade", "Accept-Encoding"} {
		out.Header.Del(h)
	}
	answer, err := p.transport.RoundTrip(out)
	if err != nil {
		return nil, fmt.Errorf("pass on %s %s: %w", r.Method, r.URL.Path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", r.Method, r.URL.Path, err)
	}
	p.audit.saw(r, answer, text)
	p.language(answer, text)
	p.words.saw(r, answer, text)
	p.mail.saw(r, body, answer.StatusCode)
	return p.local(answer, text), nil
}

// language remembers whether the backend says in JSON that there is no such thing.
func (p *proxy) language(answer *http.Response, text []byte) {
	if answer.StatusCode != http.StatusNotFound {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var object map[string]any
	p.plain404 = p.plain404 || json.Unmarshal(text, &object) != nil || len(object) == 0
	p.json404 = true
}

// speaks says whether every 404 of the backend's own was a JSON object with
// something in it, by which it can be told from a gateway's.
func (p *proxy) speaks() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.json404 && !p.plain404
}

// local has links to the backend lead through the proxy.
func (p *proxy) local(answer *http.Response, text []byte) *backendAnswer {
	from, to := p.target.Scheme+"://"+p.target.Host, "http://"+p.at
	header := answer.Header.Clone()
	for _, h := range []string{"Connection", "Keep-Alive", "Content-Length", "Transfer-Encoding"} {
		header.Del(h)
	}
	for _, h := range []string{"Location", "Link", "Content-Location"} {
		for i, v := range header[h] {
			header[h][i] = strings.ReplaceAll(v, from, to)
		}
	}
	if strings.Contains(header.Get("Content-Type"), "json") {
		text = bytes.ReplaceAll(text, []byte(from+"/"), []byte(to+"/"))
	}
	return &backendAnswer{answer.StatusCode, header, text}
}

// write answers as the fault has it.
func (f Fault) write(w http.ResponseWriter, r *http.Request, a *backendAnswer) {
	switch {
	case f.Mode == Reset:
		reset(w)
	case f.Mode == Truncate:
		truncate(w, a)
	case f.Mode == Garbage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>Welcome to the hotel's network</body></html>")
	case f.Mode == Empty:
		w.WriteHeader(http.StatusOK)
	case f.Mode == Hollow:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	case f.Mode == Nobody:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, "<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center></body></html>")
	case f.Mode == Loop:
		http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
	case f.Status != 0:
		for k, v := range f.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, `{"error":"the suite's proxy says so"}`)
	default:
		for k, v := range a.header {
			w.Header()[k] = v
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body)
	}
}

// reset ends the connection in the rudest way.
func reset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(errors.Join(http.ErrAbortHandler, err))
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// truncate promises the whole answer and gives half.
func truncate(w http.ResponseWriter, a *backendAnswer) {
	body := a.body
	if len(body) < 2 {
		body = []byte("{}")
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	status := a.status
	if status == http.StatusNoContent || status == http.StatusNotModified {
		status = http.StatusOK // the others may have no body
	}
	w.WriteHeader(status)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
