package suite

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// throughProxy starts a backend that counts and a proxy before it.
func throughProxy(t *testing.T) (*proxy, *atomic.Int32) {
	carried := new(atomic.Int32)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		carried.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Link", "<http://"+r.Host+"/next>")
		_, _ = io.WriteString(w, `{"id":"thing-1","self":"http://`+r.Host+`/thing-1","path":"`+r.URL.RequestURI()+`"}`)
	}))
	t.Cleanup(backend.Close)
	st := &T{ctx: t.Context(), log: &logBuffer{}}
	p := newProxy(st, backend.URL+"/api")
	t.Cleanup(func() { st.clean(context.WithoutCancel(t.Context())) })
	return p, carried
}

func get(t *testing.T, p *proxy, path string, limit time.Duration) (*http.Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A connection that is used again is one on which Go itself repeats requests.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = a.Body.Close() }()
	b, err := io.ReadAll(a.Body)
	return a, string(b), err
}

func TestProxyPassesOn(t *testing.T) {
	p, _ := throughProxy(t)
	a, body, err := get(t, p, "/x%2Fy?q=a+b", 5*time.Second)
	if err != nil || a.StatusCode != http.StatusOK || !strings.Contains(body, `"path":"/api/x%2Fy?q=a+b"`) ||
		!strings.Contains(body, "http://"+p.at+"/thing-1") || a.Header.Get("Link") != "<http://"+p.at+"/next>" {
		t.Errorf("%v %v %s", err, a, body)
	}
}

func TestFaults(t *testing.T) {
	p, carried := throughProxy(t)
	all := append(append(append(errorsBefore(), errorsAfter()...), brokenAnswers()...), throttling()...)
	for _, f := range all {
		carried.Store(0)
		p.set(&f)
		a, body, err := get(t, p, "/", 5*time.Second)
		good := err == nil && a.StatusCode < 300 && strings.Contains(body, "thing-1")
		if good || (carried.Load() == 1) != f.After {
			t.Errorf("%s: carried out %d times, %v %q", f.Name, carried.Load(), err, body)
		}
		for name := range f.Header {
			if got, want := a.Header.Get(name), f.Header.Get(name); got != want {
				t.Errorf("%s: the header %s is %q, want %q", f.Name, name, got, want)
			}
		}
		p.set(nil)
		if _, _, err := get(t, p, "/", 5*time.Second); err != nil {
			t.Errorf("after %s: %v", f.Name, err)
		}
	}
}

func TestFaultMeetsOneRequest(t *testing.T) {
	p, _ := throughProxy(t)
	p.set(&Fault{Status: 500, Request: 2})
	for i, want := range []int{200, 500, 200} {
		if a, _, err := get(t, p, "/", 5*time.Second); err != nil || a.StatusCode != want {
			t.Errorf("request %d: %v, %v, want %d", i+1, a, err, want)
		}
	}
	if count, met, _ := p.requests(); count != 3 || met != 1 {
		t.Errorf("%d requests, %d met it", count, met)
	}
}

func TestHanging(t *testing.T) {
	p, carried := throughProxy(t)
	p.set(&Fault{Mode: Hang})
	if _, _, err := get(t, p, "/", 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || carried.Load() != 0 {
		t.Errorf("%v, carried out %d times", err, carried.Load())
	}
	for end := time.Now().Add(5 * time.Second); ; {
		if _, _, hanging := p.requests(); hanging == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the request still hangs")
		}
		<-time.After(time.Millisecond)
	}
}

func TestAudit(t *testing.T) {
	saw := func(a *audit, method, path string, status int, location, body string) {
		r := httptest.NewRequest(method, path, nil)
		h := http.Header{}
		if location != "" {
			h.Set("Location", location)
		}
		a.saw(r, &http.Response{StatusCode: status, Header: h}, []byte(body))
	}
	var a audit
	saw(&a, "POST", "/login", 200, "", `{"id":"session"}`)
	saw(&a, "POST", "/servers", 201, "", `{"server":{"id":7,"name":"n"}}`)
	saw(&a, "PUT", "/disks/d1", 200, "", "")
	saw(&a, "POST", "/jobs", 202, "/jobs/j1", "")
	for _, path := range []string{"/servers/7", "/disks/d1", "/jobs?id=j1"} {
		saw(&a, "DELETE", path, 204, "", "")
	}
	sorts := a.learn()
	if sorts["POST /login"] || !sorts["POST /servers"] || !sorts["PUT /disks/…"] || !sorts["POST /jobs"] {
		t.Errorf("learned %v", sorts)
	}
	saw(&a, "POST", "/login", 200, "", `{"id":"another session"}`)
	saw(&a, "POST", "/servers", 201, "", `{"server":{"id":8}}`)
	saw(&a, "POST", "/servers", 201, "", `{"server":{"id":9}}`)
	saw(&a, "POST", "/servers", 500, "", `{"server":{"id":10}}`)
	saw(&a, "DELETE", "/servers/8", 404, "", "")
	saw(&a, "DELETE", "/servers/9", 500, "", "")
	if left := a.left(sorts); len(left) != 1 || left[0] != "POST /servers made 9" {
		t.Errorf("left: %v", left)
	}
}

func FuzzNames(f *testing.F) {
	f.Add([]byte(`{"server":{"id":7,"name":"n","x":{"uuid":"u"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, n := range names(b, 0) {
			if n == "" {
				t.Error("an empty name")
			}
		}
	})
}
