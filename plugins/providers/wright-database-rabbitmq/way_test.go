package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// way is a bad way to an API: requests and answers are lost, late, cut, doubled.
type way struct {
	url, target string
	onTheWay    sync.WaitGroup

	mu    sync.Mutex // guards all below
	rand  *rand.Rand
	tally map[string]int
	good  bool
}

func newWay(t *testing.T, target string, seed uint64) *way {
	w := &way{target: target, rand: rand.New(rand.NewPCG(seed, seed)), tally: map[string]int{}}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// settle ends the failing, and waits for what is late.
func (w *way) settle() {
	w.mu.Lock()
	w.good = true
	w.mu.Unlock()
	w.onTheWay.Wait()
}

func (w *way) met() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.tally)
}

// meet draws what happens to a request.
func (w *way) meet() string {
	faults := []string{"500", "503", "reset", "late", "500 after", "reset after", "late answer", "cut", "doubled", "not JSON"}
	w.mu.Lock()
	defer w.mu.Unlock()
	fault := ""
	if !w.good && w.rand.IntN(4) == 0 {
		fault = faults[w.rand.IntN(len(faults))]
	}
	w.tally[fault]++
	return fault
}

const delay = 4 * time.Second

// ServeHTTP implements http.Handler.
func (w *way) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.onTheWay.Add(1)
	defer w.onTheWay.Done()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fault := w.meet()
	switch fault {
	case "500":
		http.Error(out, "of the way", http.StatusInternalServerError)
		return
	case "503":
		out.Header().Set("Retry-After", "1")
		http.Error(out, "of the way", http.StatusServiceUnavailable)
		return
	case "reset":
		reset(out)
		return
	case "late": // also when nobody waits any more
		<-time.After(delay)
	}
	answer, text := w.ask(r, body)
	switch fault {
	case "500 after":
		http.Error(out, "of the way", http.StatusBadGateway)
		return
	case "reset after":
		reset(out)
		return
	case "late answer":
		<-time.After(delay)
	case "doubled":
		text = append(text, text...)
	case "not JSON":
		out.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(out, "<html>Welcome</html>")
		return
	}
	for k, v := range answer.Header {
		out.Header()[k] = v
	}
	out.Header().Set("Content-Length", fmt.Sprint(len(text)))
	out.WriteHeader(answer.StatusCode)
	if fault == "cut" {
		_, _ = out.Write(text[:len(text)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = out.Write(text)
}

func (w *way) ask(r *http.Request, body []byte) (*http.Response, []byte) {
	on, err := http.NewRequest(r.Method, w.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	on.Header = r.Header.Clone()
	answer, err := http.DefaultTransport.RoundTrip(on)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return answer, text
}

func reset(out http.ResponseWriter) {
	c, _, err := http.NewResponseController(out).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
