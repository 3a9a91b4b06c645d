package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	tests := []struct{ address, base string }{
		{"127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"localhost", "http://localhost"},
		{"http://wright.example.test:8080/", "http://wright.example.test:8080"},
		{"https://wright_1.example.test", "https://wright_1.example.test"},
		{"http://[::1]:8080", "http://[::1]:8080"},
		{"http://bücher.example.test", "http://bücher.example.test"},
		{"", ""},
		{"http://", ""},
		{"http://:8080", ""},
		{"ftp://host", ""},
		{"unix:///run/wright", ""},
		{"http://host:port", ""},
		{"ht!tp:/x", ""},
		{"no such:host", ""},
		{"http://host/path", ""},
		{"http://host?x=1", ""},
		{"http://host#x", ""},
		{"http://ann:hunter2@host", ""},
	}
	for _, tt := range tests {
		c, err := New(tt.address, "")
		switch {
		case tt.base == "" && err == nil:
			t.Errorf("%q was taken for %s, want it refused", tt.address, c.Address())
		case tt.base != "" && (err != nil || c.Address() != tt.base):
			t.Errorf("%q: %v, %v; want %s", tt.address, c, err, tt.base)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%q: the error tells the secret: %v", tt.address, err)
		}
	}
}

// What a master refuses is told in its words; what is no master's answer means
// that none was reached.
func TestAnswers(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
		away   bool
	}{
		{"a master", 404, `{"error":"no such thing","hint":"look elsewhere"}`, "no such thing", false},
		{"another program", 404, "<h1>Not Found</h1>", "does not answer like a master: 404", true},
		{"a page", 200, "<!doctype html>", "does not answer like a master", true},
		{"nothing", 200, "", "does not answer like a master", true},
		{"a failure without words", 500, "{}", "does not answer like a master: 500", true},
	}
	for _, tt := range tests {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		c, err := New(srv.URL, "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Info(t.Context())
		srv.Close()
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrUnreachable) != tt.away {
			t.Errorf("%s: %v, unreachable: %v; want %q, %v", tt.name, err, errors.Is(err, ErrUnreachable), tt.want, tt.away)
		}
		var refused *Error
		if !tt.away && (!errors.As(err, &refused) || refused.Status != tt.status || refused.Hint != "look elsewhere") {
			t.Errorf("%s: %+v, want status and hint", tt.name, refused)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, err := New(srv.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	want := "no master reached at " + srv.URL + ": connection refused"
	if _, err := c.Info(t.Context()); err == nil || err.Error() != want || !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v, want %s", err, want)
	}
}
