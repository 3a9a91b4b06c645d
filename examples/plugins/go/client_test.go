package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"

	"example.com/wright-cloud-rack/rack"
)

func TestProblems(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   plugins.Error
	}{
		{"busy", status(503, "3", ""), plugins.Error{Code: plugins.Transient, RetryAfter: 3 * time.Second}},
		{"too many", status(429, "7", ""), plugins.Error{Code: plugins.Transient, RetryAfter: 7 * time.Second}},
		{"a proxy's page", status(502, "", "<html>"), plugins.Error{Code: plugins.Transient}},
		{"redirected", status(302, "", ""), plugins.Error{Code: plugins.Transient}},
		{"garbage", status(200, "", "<html>"), plugins.Error{Code: plugins.Transient}},
		{"not allowed", status(401, "", `{"error":"unauthorized"}`), plugins.Error{Code: plugins.Denied}},
		{"no room", status(422, "", `{"error":"quota"}`), plugins.Error{Code: plugins.Quota}},
		{"not there", status(404, "", `{"error":"not-found"}`), plugins.Error{Code: plugins.NotFound}},
		{"a proxy's 404", status(404, "", ""), plugins.Error{Code: plugins.Transient}},
		{"invalid", status(422, "", `{"error":"invalid","field":"size"}`), plugins.Error{Code: plugins.Invalid, Field: "size"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := clientOf(t, tt.answer)
			err := c.once(t.Context(), request{method: "GET", path: "/v1/machines"}, new(rack.Page))
			e, ok := errors.AsType[*plugins.Error](err)
			if !ok || e.Code != tt.want.Code || e.Field != tt.want.Field || e.RetryAfter != tt.want.RetryAfter {
				t.Errorf("got %#v, want %#v", err, tt.want)
			}
		})
	}
}

// A request that broke after it was carried out is sent again under its key, and
// makes no second machine.
func TestSentAgainAfterIt(t *testing.T) {
	service := rack.New("token")
	var broken atomic.Bool
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && broken.CompareAndSwap(false, true) {
			service.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		service.ServeHTTP(w, r)
	})
	m, err := c.create(t.Context(), "key", rack.Order{Size: "small", Image: "debian-12"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.byTags(t.Context(), nil)
	if err != nil || len(all) != 1 || all[0].ID != m.ID || !broken.Load() {
		t.Errorf("made %+v; the rack has %+v, %v", m, all, err)
	}
}

func status(code int, retryAfter, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

func clientOf(t *testing.T, h http.HandlerFunc) *client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	base, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(base, options{APIToken: "token", Project: "main", RequestTimeout: plugins.Duration(10 * time.Second)}, plugins.Settings{Log: slog.New(slog.DiscardHandler)})
}
