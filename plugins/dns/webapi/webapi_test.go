package webapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
)

const secret = "s3cret-of-the-tests"

// script answers one request after the other; the last answer stays.
func script(t *testing.T, answers ...http.HandlerFunc) (*Client, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		answers[min(i, len(answers)-1)](w, r)
	}))
	t.Cleanup(s.Close)
	c, err := New("settings.endpoint", s.URL+"/base/", "X-Key", "Bearer ", func() (string, error) { return secret, nil })
	if err != nil {
		t.Fatal(err)
	}
	return c, &n
}

func says(code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

func breaks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"name":`))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func TestDo(t *testing.T) {
	good := says(200, `{"name":"x"}`)
	tests := []struct {
		name     string
		answers  []http.HandlerFunc
		requests int
		code     plugins.Code
		says     string
	}{
		{"at once", []http.HandlerFunc{good}, 1, "", ""},
		{"after errors", []http.HandlerFunc{says(503, ""), says(500, ""), good}, 3, "", ""},
		{"after half an answer", []http.HandlerFunc{breaks, good}, 2, "", ""},
		{"after nonsense", []http.HandlerFunc{says(200, "<html>"), says(200, ""), good}, 3, "", ""},
		{"down for good", []http.HandlerFunc{says(502, "no upstream")}, tries, plugins.Transient, "502 Bad Gateway: no upstream"},
		{"denied", []http.HandlerFunc{says(403, "you with "+secret+" may not")}, 1, plugins.Denied, "you with … may not"},
		{"wrong key", []http.HandlerFunc{says(401, "")}, 1, plugins.Denied, "401 Unauthorized"},
		{"invalid", []http.HandlerFunc{says(422, "bad\nrecord\x1b[2J")}, 1, plugins.Invalid, "bad record [2J"},
		{"not there", []http.HandlerFunc{says(404, "")}, 1, plugins.NotFound, ""},
		{"a conflict", []http.HandlerFunc{says(409, "")}, 1, plugins.Exists, ""},
		{"no room", []http.HandlerFunc{says(413, "Quota")}, 1, plugins.Quota, ""},
		{"elsewhere", []http.HandlerFunc{says(307, "", "Location", "http://192.0.2.1/")}, 1, plugins.Unknown, "307"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, n := script(t, tt.answers...)
			var out struct{ Name string }
			_, err := c.Do(t.Context(), Request{Method: "PUT", Path: []string{"a b", "c/d"}, In: map[string]int{"x": 1}, Out: &out, Want: []int{200}})
			if plugins.CodeOf(err) != tt.code || (err == nil) != (out.Name == "x") || int(n.Load()) != tt.requests {
				t.Errorf("%v, read %q after %d requests; want %q after %d", err, out.Name, n.Load(), tt.code, tt.requests)
			}
			if err == nil {
				return
			}
			for _, want := range []string{"PUT http://127.0.0.1", "/base/a%20b/c%2Fd", tt.says} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), secret) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q shows what it must not", err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	c, n := script(t, says(429, "", "Retry-After", "30"))
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second) // less than the answer wants
	defer cancel()
	start := time.Now()
	_, err := c.Do(ctx, Request{Method: "GET", Want: []int{200}})
	e, ok := errors.AsType[*plugins.Error](err)
	if !ok || e.Code != plugins.Transient || e.RetryAfter != 30*time.Second || n.Load() != 1 || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %d requests", err, n.Load())
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "2": 2 * time.Second, "-5": 0, "99999999999": time.Hour, "86400": time.Hour, "soon": 0,
		"Sat, 21 Nov 2026 12:00:07 GMT": 7 * time.Second, "Sat, 21 Nov 2020 12:00:07 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

// A call that is given up ends at once, a change after a moment for its answer.
func TestCancel(t *testing.T) {
	for method, least := range map[string]time.Duration{"GET": 0, "PUT": grace / 2} {
		var c *Client
		asked, end := make(chan struct{}), make(chan struct{})
		c, _ = script(t, func(http.ResponseWriter, *http.Request) { close(asked); <-end })
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		start := time.Now()
		_, err := c.Do(ctx, Request{Method: method, Want: []int{200}})
		if took := time.Since(start); !errors.Is(err, context.Canceled) || took < least || took > grace+20*time.Second {
			t.Errorf("%s: %v after %v", method, err, took)
		}
		close(end)
	}
}

func TestEndpoint(t *testing.T) {
	for endpoint, ok := range map[string]bool{
		"http://127.0.0.1:8081": true, "https://dns.example.test/base": true,
		"": false, "dns.example.test": false, "ftp://x": false, "http://user:s3cret@x": false, "http://x/?key=s3cret": false, "http://[": false,
	} {
		_, err := New("settings.endpoint", endpoint, "X", "", nil)
		if (err == nil) != ok || err != nil && (plugins.CodeOf(err) != plugins.Invalid || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
