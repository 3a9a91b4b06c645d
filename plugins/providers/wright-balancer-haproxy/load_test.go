package main

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestLoad: while requests come in, the AppServer of their name is replaced over
// and over, each time by a reload, and the one before ends as soon as nobody
// waits for it. No request fails, and none that came after Set had returned is
// answered by an earlier AppServer. Half of the requests keep their connections,
// and half of each are POSTs, which no client repeats by itself.
func TestLoad(t *testing.T) {
	reloads, rate := 10, 200
	if os.Getenv("WRIGHT_TEST_HEAVY") != "" {
		reloads, rate = 200, 2000
	}
	b := newBench(t, nil)
	l := newLoad(b.lab.Env["HAPROXY_ADDRESS"])
	app := newApp(t, "0")
	b.set(t, "busy.test", app.Target)
	before, start := b.reloads(t), time.Now()
	stop := make(chan struct{})
	var driver sync.WaitGroup
	driver.Go(func() { l.drive(rate, stop) })
	var slowest, setting time.Duration
	for i := 1; i <= reloads && !t.Failed(); i++ {
		next, began := newApp(t, strconv.Itoa(i)), time.Now()
		b.set(t, "busy.test", next.Target)
		slowest, setting = max(slowest, time.Since(began)), setting+time.Since(began)
		l.turn(i)
		if err := app.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		app = next
		if i%20 == 0 {
			p, err := b.desk.works().master.processes(t.Context())
			t.Logf("%d reloads, %d requests after %v; %d old processes of HAProxy: %v; Sets took %v", i, l.sent.Load(), time.Since(start).Round(time.Millisecond), len(p.old), err, setting)
		}
	}
	for range 3 * rate { // and some more to the last
		if l.sent.Load() < int64(3*rate) {
			<-time.After(time.Millisecond)
		}
	}
	close(stop)
	driver.Wait()
	l.running.Wait()
	took := time.Since(start)
	t.Logf("%d requests in %v (%.0f a second), half over kept connections; %d reloads, a Set took %v, the slowest %v; the slowest request took %v; failed: %d",
		l.sent.Load(), took.Round(time.Millisecond), float64(l.sent.Load())/took.Seconds(), b.reloads(t)-before,
		(setting / time.Duration(reloads)).Round(time.Millisecond), slowest.Round(time.Millisecond), l.slowest.Round(time.Millisecond), l.failed())
	for _, what := range slices.Sorted(maps.Keys(l.failures)) {
		t.Errorf("%d times: %s", l.failures[what], what)
	}
	if n := b.reloads(t) - before; n < reloads {
		t.Errorf("only %d reloads", n)
	}
}

// load sends requests and looks at the answers.
type load struct {
	url     string
	clients [2]*http.Client
	running sync.WaitGroup
	slots   chan struct{} // one value for each request under way
	sent    atomic.Int64

	mu       sync.Mutex // guards all below
	version  int        // of the AppServer that new requests must reach, or a later one
	waiting  map[int]int
	changed  *sync.Cond
	failures map[string]int
	slowest  time.Duration
}

func newLoad(address string) *load {
	l := &load{url: "http://" + address + "/", slots: make(chan struct{}, 500), waiting: map[int]int{}, failures: map[string]int{}}
	l.changed = sync.NewCond(&l.mu)
	dial := (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	l.clients[0] = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	l.clients[1] = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 256, IdleConnTimeout: 10 * time.Second}}
	return l
}

// drive begins rate requests a second, whether or not earlier ones are answered.
func (l *load) drive(rate int, stop <-chan struct{}) {
	const step = 5 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		for due := int64(time.Since(start).Seconds() * float64(rate)); l.sent.Load() < due; {
			l.slots <- struct{}{} // a machine that is too slow gets fewer
			n := l.sent.Add(1)
			l.running.Go(func() {
				defer func() { <-l.slots }()
				l.one(n)
			})
		}
	}
}

func (l *load) one(n int64) {
	l.mu.Lock()
	version := l.version
	l.waiting[version]++
	l.mu.Unlock()
	began := time.Now()
	problem := l.ask(n, version)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, took)
	l.waiting[version]--
	l.changed.Broadcast()
	if problem != "" {
		l.failures[problem]++
	}
}

// ask sends one request, and says what is wrong with its answer.
func (l *load) ask(n int64, version int) string {
	method := []string{http.MethodGet, http.MethodPost}[n/2%2]
	r, err := http.NewRequest(method, l.url, strings.NewReader("some text"))
	if err != nil {
		return err.Error()
	}
	r.Host = "busy.test"
	kind := fmt.Sprintf("%s, %s: ", []string{"new connection", "kept connection"}[n%2], method)
	answer, err := l.clients[n%2].Do(r)
	if err != nil {
		return kind + err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Sprintf("%s%s, %v", kind, answer.Status, err)
	}
	if got, err := strconv.Atoi(string(text)); err != nil || got < version {
		return kind + "an answer of an earlier AppServer"
	}
	return ""
}

// turn says that new requests must reach a version, and returns when no earlier
// request runs.
func (l *load) turn(version int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version = version
	for {
		earlier := 0
		for v, n := range l.waiting {
			if v < version {
				earlier += n
			}
		}
		if earlier == 0 {
			return
		}
		l.changed.Wait()
	}
}

func (l *load) failed() int {
	n := 0
	for _, times := range l.failures {
		n += times
	}
	return n
}
