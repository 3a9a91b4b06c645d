package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/proxy"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store/storetest"
)

// order numbers what happens across goroutines.
type order struct{ n atomic.Int64 }

func (o *order) next() int64 { return o.n.Add(1) }

// stamped notes when the last byte of an answer was handed to the connection.
type stamped struct {
	http.ResponseWriter
	order *order
	last  int64
	body  bytes.Buffer
}

func (s *stamped) Write(b []byte) (int, error) {
	s.body.Write(b)
	n, err := s.ResponseWriter.Write(b)
	s.last = s.order.next()
	return n, err
}

func (s *stamped) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Over fifty switches, with old AppServers gone right after, clients that ask
// as fast as they can see no error, and nothing old once anybody has seen
// something new.
func TestSwitchesDropAndMixNothing(t *testing.T) {
	const switches, clients = 50, 8
	p := newProxy()
	var o order
	var mu sync.Mutex
	began := map[int]int64{}    // version -> its first request began
	finished := map[int]int64{} // version -> its last answer was sent
	var serving atomic.Int64
	client, _ := front(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Add(-1)
		s := &stamped{ResponseWriter: w, order: &o}
		p.ServeHTTP(s, r)
		v, _ := strconv.Atoi(s.body.String())
		mu.Lock()
		finished[v] = max(finished[v], s.last)
		mu.Unlock()
	}))
	version := func(v int) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			if began[v] == 0 {
				began[v] = o.next()
			}
			mu.Unlock()
			_, _ = io.WriteString(w, strconv.Itoa(v))
		}))
	}
	old := version(1)
	p.Follow(map[string]string{"shop": old.Listener.Addr().String()})
	var seen, asked atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range clients {
		wg.Go(func() { askOn(t, client, stop, &seen, &asked) })
	}
	for v := 2; v <= switches+1; v++ {
		next := version(v)
		p.Follow(map[string]string{"shop": next.Listener.Addr().String()})
		await(t, func() bool { return seen.Load() == int64(v) })
		enough := asked.Load() + 50
		await(t, func() bool { return asked.Load() >= enough || t.Failed() })
		old.Close()
		old = next
	}
	close(stop)
	wg.Wait()
	old.Close()
	await(t, func() bool { return serving.Load() == 0 })
	mu.Lock()
	defer mu.Unlock()
	t.Logf("%d requests", asked.Load())
	for v := 2; v <= switches+1; v++ {
		if finished[v-1] > began[v] {
			t.Errorf("an answer of %d was sent at %d, after %d got its first request at %d", v-1, finished[v-1], v, began[v])
		}
	}
}

// askOn asks until it is stopped. Answers are version numbers, and none may be
// below what anybody had seen before the question.
func askOn(t *testing.T, client *http.Client, stop <-chan struct{}, seen, asked *atomic.Int64) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		atLeast := seen.Load()
		resp, body, err := ask(client)
		v, bad := strconv.ParseInt(body, 10, 64)
		if err != nil || bad != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%v, %q, %v", resp, body, err)
			return
		}
		if v < atLeast {
			t.Errorf("answered by %d after %d was seen", v, atLeast)
		}
		for now := seen.Load(); v > now && !seen.CompareAndSwap(now, v); now = seen.Load() {
		}
		asked.Add(1)
	}
}

func ask(c *http.Client) (*http.Response, string, error) {
	resp, err := c.Get("http://shop.localhost/")
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// await waits until something holds, asking again and again.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited in vain")
		}
	}
}

// A request that hangs at the old AppServer is left there after a while, and
// still answered.
func TestLongRequestsStayWithTheOld(t *testing.T) {
	p := newProxy()
	arrived, answer := make(chan struct{}), make(chan struct{})
	p.Follow(map[string]string{"shop": backend(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-answer
		_, _ = io.WriteString(w, "old")
	})})
	client, _ := front(t, p)
	long := make(chan string, 1)
	go func() { _, body, err := ask(client); long <- fmt.Sprint(body, err) }()
	<-arrived
	p.Follow(map[string]string{"shop": backend(t, says("new"))})
	began := time.Now()
	if _, body, err := ask(client); body != "new" || err != nil {
		t.Errorf("answered %q, %v", body, err)
	}
	if took := time.Since(began); took < 200*time.Millisecond || took > 20*time.Second {
		t.Errorf("the new AppServer's first answer took %s, want some 250 ms", took)
	}
	quickest := time.Hour
	for range 5 {
		began = time.Now()
		if _, body, _ := ask(client); body != "new" {
			t.Errorf("the second answer is %q", body)
		}
		quickest = min(quickest, time.Since(began))
	}
	if quickest > 200*time.Millisecond {
		t.Errorf("later answers took %s and more", quickest)
	}
	close(answer)
	if got := <-long; got != "old<nil>" {
		t.Errorf("the long request: %s", got)
	}
}

// A short request that runs during a switch is waited for, and no longer.
func TestNewRequestsWaitForRunningOnes(t *testing.T) {
	p := newProxy()
	arrived, answer := make(chan struct{}), make(chan struct{})
	p.Follow(map[string]string{"shop": backend(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-answer
		_, _ = io.WriteString(w, "old")
	})})
	client, _ := front(t, p)
	var reached atomic.Bool
	next := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		reached.Store(true)
		_, _ = io.WriteString(w, "new")
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, body, err := ask(client); body != "old" || err != nil {
			t.Errorf("the running request: %q, %v", body, err)
		}
	})
	<-arrived
	p.Follow(map[string]string{"shop": next})
	wg.Go(func() {
		if _, body, err := ask(client); body != "new" || err != nil {
			t.Errorf("the next request: %q, %v", body, err)
		}
	})
	hold := time.NewTimer(50 * time.Millisecond)
	<-hold.C
	if reached.Load() {
		t.Error("a request overtook the running one")
	}
	close(answer)
	wg.Wait()
}

// A request that meets a closed door goes to the AppServer that comes next.
func TestRefusedRequestsAreTriedAgain(t *testing.T) {
	p := newProxy()
	dead := httptest.NewServer(says(""))
	dead.Close()
	p.Follow(map[string]string{"shop": dead.Listener.Addr().String()})
	client, _ := front(t, p)
	next := backend(t, says("new"))
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		hold := time.NewTimer(300 * time.Millisecond)
		<-hold.C
		p.Follow(map[string]string{"shop": next})
	})
	if resp, body, err := ask(client); err != nil || body != "new" {
		t.Errorf("%v, %q, %v", resp, body, err)
	}
}

func TestRequestsWithABodyAreSentOnce(t *testing.T) {
	p := newProxy()
	dead := httptest.NewServer(says(""))
	dead.Close()
	p.Follow(map[string]string{"shop": dead.Listener.Addr().String()})
	client, _ := front(t, p)
	began := time.Now()
	resp, err := client.Post("http://shop.localhost/", "text/plain", bytes.NewReader([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadGateway || time.Since(began) > 1900*time.Millisecond {
		t.Errorf("%d after %s", resp.StatusCode, time.Since(began))
	}
}

func TestIdleConnectionsToOldTargetsAreClosed(t *testing.T) {
	p := newProxy()
	var open atomic.Int64
	srv := httptest.NewUnstartedServer(says("old"))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	p.Follow(map[string]string{"shop": srv.Listener.Addr().String()})
	client, _ := front(t, p)
	if _, body, err := ask(client); body != "old" || err != nil || open.Load() != 1 {
		t.Fatalf("%q, %v, %d connections", body, err, open.Load())
	}
	p.Follow(map[string]string{"shop": ""})
	await(t, func() bool { return open.Load() == 0 })
}

func TestRunFollowsTheFacts(t *testing.T) {
	st := storetest.Embedded(t)
	p := newProxy()
	done := make(chan error, 1)
	go func() { done <- p.Run(t.Context(), st) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	client, _ := front(t, p)
	server := state.AppServer{ID: "shop-000001.1", Instance: "shop", State: state.Healthy, Address: backend(t, says("one"))}
	active := state.Active{Instance: "shop", AppServer: server.ID}
	if err := st.CommitSeen(t.Context(), server.Put(), active.Put()); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { _, body, _ := ask(client); return body == "one" })
}

func TestRoutes(t *testing.T) {
	f := state.NewFacts()
	f.Manifests["fresh"] = &state.InForce{Instance: "fresh", Manifest: &manifests.Manifest{}}
	for name, s := range map[string]state.AppServerState{"up": state.Healthy, "ending": state.Terminating} {
		f.AppServers[name+".1"] = &state.AppServer{ID: name + ".1", Instance: name, State: s, Address: "127.0.0.2:80"}
		f.Actives[name] = &state.Active{Instance: name, AppServer: name + ".1"}
	}
	f.Actives["lost"] = &state.Active{Instance: "lost", AppServer: "lost.9"}
	f.Actives["none"] = &state.Active{Instance: "none"}
	want := map[string]string{"fresh": "", "up": "127.0.0.2:80", "ending": "", "lost": "", "none": ""}
	if got := proxy.Routes(f); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
