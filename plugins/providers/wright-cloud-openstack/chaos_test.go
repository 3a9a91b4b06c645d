package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// chaos stands before all APIs of a lab, whose catalog leads to it, and spoils
// some of the answers.
type chaos struct {
	server *httptest.Server
	target *url.URL

	mu     sync.Mutex // guards all below
	rnd    *rand.Rand
	calm   bool
	met    map[string]int // how often which fault hit which service
	tokens map[string]bool
}

// newChaos is calm at first.
func newChaos(t *testing.T, target string, seed uint64) *chaos {
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	c := &chaos{target: u, rnd: rand.New(rand.NewPCG(seed, 1)), calm: true, met: map[string]int{}, tokens: map[string]bool{}}
	c.server = httptest.NewServer(c)
	t.Cleanup(c.server.Close)
	return c
}

// url is where clients find the lab's identity service now.
func (c *chaos) url() string { return c.server.URL + c.target.Path }

func (c *chaos) be(calm bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calm = calm
}

// issued are the tokens that the identity service gave.
func (c *chaos) issued() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for token := range maps.Keys(c.tokens) {
		list = append(list, token)
	}
	return list
}

// spoil is a way to fail.
type spoil struct {
	name   string
	before bool // the request is not carried out
	twice  bool // it is carried out twice
	stall  bool
	write  func(w http.ResponseWriter, a answer)
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func spoils() []spoil {
	status := func(status int, body string, header ...string) func(http.ResponseWriter, answer) {
		return func(w http.ResponseWriter, _ answer) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	gone := func(http.ResponseWriter, answer) { panic(http.ErrAbortHandler) } // the connection is cut
	return []spoil{
		{name: "500 before", before: true, write: status(500, `{"computeFault": {"message": "chaos"}}`)},
		{name: "500 after", write: status(500, `{"computeFault": {"message": "chaos"}}`)},
		{name: "502 before", before: true, write: status(502, "<html>chaos</html>")},
		{name: "503 before", before: true, write: status(503, "chaos", "Retry-After", "1")},
		{name: "504 after", write: status(504, "<html>chaos</html>")},
		{name: "429", before: true, write: status(429, `{"overLimit": {"message": "chaos"}}`, "Retry-After", "1")},
		{name: "401", before: true, write: status(401, `{"error": {"message": "chaos"}}`)},
		{name: "404 of somebody else", before: true, write: status(404, "<html>chaos</html>")},
		{name: "reset before", before: true, write: gone},
		{name: "reset after", write: gone},
		{name: "stalled before", before: true, stall: true, write: gone},
		{name: "stalled after", stall: true, write: gone},
		{name: "empty object", write: status(200, "{}", "Content-Type", "application/json")},
		{name: "carried out twice", twice: true, write: func(w http.ResponseWriter, a answer) { a.write(w) }},
		{name: "told twice", write: func(w http.ResponseWriter, a answer) {
			a.body = append(a.body, a.body...)
			a.write(w)
		}},
		{name: "truncated", write: func(w http.ResponseWriter, a answer) {
			w.Header().Set("Content-Length", fmt.Sprint(len(a.body)+10))
			a.body = a.body[:len(a.body)/2]
			a.write(w)
			panic(http.ErrAbortHandler)
		}},
	}
}

// write answers. The header may say a length that is a lie.
func (a answer) write(w http.ResponseWriter) {
	for k, v := range a.header {
		if k != "Content-Length" {
			w.Header()[k] = v
		}
	}
	if len(a.body) > 0 && a.status == http.StatusNoContent {
		a.status = http.StatusOK
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// One in so many requests is spoilt, of those to keystone and glance, which are few,
// one in so many; and of what should stall one in so many does.
const spoilt, spoiltFew, stalls = 7, 2, 3

// draw gives the fault that a request meets; nil means none.
func (c *chaos) draw(service string) *spoil {
	c.mu.Lock()
	defer c.mu.Unlock()
	odds := spoilt
	if service == "identity" || service == "image" {
		odds = spoiltFew
	}
	if c.calm || c.rnd.IntN(odds) > 0 {
		return nil
	}
	all := spoils()
	s := &all[c.rnd.IntN(len(all))]
	if s.stall && c.rnd.IntN(stalls) > 0 {
		return nil
	}
	c.met[service]++
	return s
}

// ServeHTTP implements http.Handler.
func (c *chaos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s := c.draw(strings.Split(r.URL.Path, "/")[1])
	if s == nil {
		c.ask(r, body).write(w)
		return
	}
	var a answer
	if !s.before {
		a = c.ask(r, body)
	}
	if s.twice && r.Method != http.MethodGet {
		a = c.ask(r, body)
	}
	if s.stall {
		sleep(r.Context(), 30*time.Second)
	}
	s.write(w, a)
}

// ask carries a request out, also for a client that is gone.
func (c *chaos) ask(r *http.Request, body []byte) answer {
	u := *r.URL
	u.Scheme, u.Host = c.target.Scheme, c.target.Host
	out, err := http.NewRequest(r.Method, u.String(), bytes.NewReader(body)) //nolint:noctx // the cloud does not notice that the client is gone
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding")
	got, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if token := got.Header.Get("X-Subject-Token"); token != "" {
		c.mu.Lock()
		c.tokens[token] = true
		c.mu.Unlock()
	}
	text = bytes.ReplaceAll(text, []byte("http://"+c.target.Host+"/"), []byte(c.server.URL+"/"))
	header := got.Header.Clone()
	for k, values := range header {
		for i, v := range values {
			header[k][i] = strings.ReplaceAll(v, "http://"+c.target.Host+"/", c.server.URL+"/")
		}
	}
	return answer{got.StatusCode, header, text}
}
