package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/proxy"
)

// front serves a proxy and returns a client for which every name is there.
func front(t testing.TB, h http.Handler) (client *http.Client, address string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	address = srv.Listener.Addr().String()
	var d net.Dialer
	tr := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", address)
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 2 * time.Minute}, address
}

func newProxy() *proxy.Proxy { return proxy.New(slog.New(slog.DiscardHandler)) }

// backend starts an AppServer and returns its address.
func backend(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func get(t testing.TB, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestMatch(t *testing.T) {
	p := newProxy()
	tests := map[string]string{
		"shop.localhost:8080": "shop", "shop.localhost": "shop", "SHOP.LocalHost:1": "shop", "a-1.localhost": "a-1",
		"": "", "localhost": "", "localhost:8080": "", ".localhost": "", "a.b.localhost": "", "-a.localhost": "",
		"a-.localhost": "", "a_b.localhost": "", "shop.localhost:": "", "shop.localhost:x": "", "shop.localhost:0": "",
		"shop.localhost:65536": "", "shop.localhost.": "", "shop.localhost.evil.test": "", "[::1]:80": "", "shop.localhost:80:80": "",
		"shöp.localhost": "", "\u212a.localhost": "", "a.localho\u017ft": "", strings.Repeat("a", 63) + ".localhost": strings.Repeat("a", 63),
		strings.Repeat("a", 64) + ".localhost": "",
	}
	for host, want := range tests {
		if got, ok := p.Match(host); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", host, got, ok, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, s := range []string{"shop.localhost:8080", "SHOP.localhost", "a.b.localhost", "\u212a.localhost", "[::1]:1", "x.localhost:+1"} {
		f.Add(s)
	}
	p := newProxy()
	f.Fuzz(func(t *testing.T, host string) {
		name, ok := p.Match(host)
		if !ok {
			if name != "" {
				t.Errorf("%q: no match, but %q", host, name)
			}
			return
		}
		if name == "" || len(name) > 63 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("%q: %q is no DNS label", host, name)
		}
		if lower := strings.ToLower(host); lower != name+".localhost" && !strings.HasPrefix(lower, name+".localhost:") {
			t.Errorf("%q is not about %q", host, name)
		}
		if again, ok := p.Match(name + ".localhost"); !ok || again != name {
			t.Errorf("%q gave %q, and that %q", host, name, again)
		}
	})
}

func TestPages(t *testing.T) {
	p := newProxy()
	gone := httptest.NewServer(says(""))
	gone.Close()
	p.Follow(map[string]string{"up": backend(t, says("hello")), "none": "", "gone": gone.Listener.Addr().String(), "odd": "nonsense"})
	client, _ := front(t, p)
	tests := []struct {
		url    string
		status int
		text   string
		retry  string
	}{
		{"http://up.localhost/", 200, "hello", ""},
		{"http://UP.localhost:8080/", 200, "hello", ""},
		{"http://none.localhost/", 503, "none is not up yet", "1"},
		{"http://odd.localhost/", 503, "odd is not up yet", "1"},
		{"http://gone.localhost/", 502, "gone does not answer", "1"},
		{"http://other.localhost/", 404, "&#34;other.localhost&#34;", ""},
		{"http://up.example.test/", 404, "No such instance", ""},
	}
	for _, tt := range tests {
		resp, body := get(t, client, tt.url)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.text) || resp.Header.Get("Retry-After") != tt.retry {
			t.Errorf("%s: %d %v %s", tt.url, resp.StatusCode, resp.Header, body)
		}
	}
}

func TestUnknownHostIsEscaped(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "<script>alert(1)</script>.localhost"
	w := httptest.NewRecorder()
	newProxy().ServeHTTP(w, r)
	if w.Code != 404 || strings.Contains(w.Body.String(), "<script>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestInstancesComeAndGo(t *testing.T) {
	p := newProxy()
	client, _ := front(t, p)
	one := backend(t, says("one"))
	for i, step := range []struct {
		routes map[string]string
		status int
	}{
		{nil, 404},
		{map[string]string{"shop": ""}, 503},
		{map[string]string{"shop": one}, 200},
		{map[string]string{"shop": one}, 200},
		{map[string]string{"shop": ""}, 503},
		{map[string]string{"shop": one}, 200},
		{map[string]string{"other": one}, 404},
	} {
		p.Follow(step.routes)
		if resp, _ := get(t, client, "http://shop.localhost/"); resp.StatusCode != step.status {
			t.Errorf("step %d: %d, want %d", i, resp.StatusCode, step.status)
		}
	}
}

func TestHeaders(t *testing.T) {
	p := newProxy()
	var got http.Header
	var host, query string
	p.Follow(map[string]string{"shop": backend(t, func(_ http.ResponseWriter, r *http.Request) {
		got, host, query = r.Header.Clone(), r.Host, r.URL.RawQuery
	})})
	client, _ := front(t, p)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.localhost:8080/a%2Fb?x=1;y=%zz", nil)
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Real-Ip", "Forwarded"} {
		req.Header.Set(name, "forged")
	}
	req.Header.Set("X-Kept", "kept")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	want := map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "shop.localhost:8080", "X-Forwarded-Proto": "http",
		"X-Forwarded-Prefix": "", "X-Real-Ip": "", "Forwarded": "", "X-Kept": "kept", "Via": "1.1 wright",
	}
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.Get(name), value)
		}
	}
	if host != "shop.localhost:8080" || query != "x=1;y=%zz" {
		t.Errorf("host %q, query %q", host, query)
	}
}

func TestCirclesEnd(t *testing.T) {
	p := newProxy()
	client, address := front(t, p)
	p.Follow(map[string]string{"shop": address})
	if resp, _ := get(t, client, "http://shop.localhost/"); resp.StatusCode != http.StatusLoopDetected {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestUploadsAndStreams(t *testing.T) {
	p := newProxy()
	p.Follow(map[string]string{"shop": backend(t, func(w http.ResponseWriter, r *http.Request) {
		// Answers each line before the next one is sent.
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		for s := bufio.NewScanner(r.Body); s.Scan(); {
			_, _ = fmt.Fprintf(w, "got %s\n", s.Text())
			_ = rc.Flush()
		}
	})})
	client, _ := front(t, fullDuplex{p})
	pr, pw := io.Pipe()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://shop.localhost/", pr)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { _, _ = io.WriteString(pw, "0\n") })
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	in := bufio.NewReader(resp.Body)
	for i := range 5 {
		if line, err := in.ReadString('\n'); err != nil || line != fmt.Sprintf("got %d\n", i) {
			t.Fatalf("line %d: %q, %v", i, line, err)
		}
		_, _ = fmt.Fprintf(pw, "%d\n", i+1)
	}
	_ = pw.Close()
}

type fullDuplex struct{ h http.Handler }

func (f fullDuplex) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex()
	f.h.ServeHTTP(w, r)
}

// echo upgrades a connection and sends back what comes, line by line.
func echo(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			_, _ = io.WriteString(w, name)
			return
		}
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, name+" "+line)
		}
	}
}

// A websocket stays with the AppServer it was opened on, and holds nobody up.
func TestUpgradedConnectionsSurviveASwitch(t *testing.T) {
	p := newProxy()
	p.Follow(map[string]string{"shop": backend(t, echo("old"))})
	client, address := front(t, p)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", resp, err)
	}
	talk := func() {
		t.Helper()
		_, _ = io.WriteString(conn, "hello\n")
		if line, err := in.ReadString('\n'); err != nil || line != "old hello\n" {
			t.Errorf("%q, %v", line, err)
		}
	}
	talk()
	quickest := time.Hour
	for i := range 5 {
		name := fmt.Sprintf("new %d", i)
		p.Follow(map[string]string{"shop": backend(t, echo(name))})
		began := time.Now()
		if _, body := get(t, client, "http://shop.localhost/"); body != name {
			t.Errorf("answered by %q", body)
		}
		quickest = min(quickest, time.Since(began))
	}
	if quickest > 200*time.Millisecond {
		t.Errorf("the websocket held requests up for %s and more", quickest)
	}
	talk()
}
