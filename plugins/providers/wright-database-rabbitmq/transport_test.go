package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database/notes"
)

// script answers one request after the other; the last answer stays.
func script(t *testing.T, answers ...http.HandlerFunc) (*backend, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		answers[min(i, len(answers)-1)](w, r)
	}))
	t.Cleanup(s.Close)
	return &backend{endpoint: s.URL + "/base", user: "u", secret: func() (string, error) { return administrator, nil }, below: below(nil), tag: "x"}, &n
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

func TestGet(t *testing.T) {
	const vhost = `{"name":"w_x","description":"{\"token\":\"t\",\"name\":\"shop\"}","tags":[],"cluster_state":{"a":"running"}}`
	good, none := says(200, vhost), says(404, `{"error":"Object Not Found","reason":"Not Found"}`)
	tests := []struct {
		name     string
		answers  []http.HandlerFunc
		requests int
		there    bool
		code     plugins.Code
		says     string
	}{
		{"at once", []http.HandlerFunc{good}, 1, true, "", ""},
		{"not there", []http.HandlerFunc{none}, 1, false, "", ""},
		{"after errors", []http.HandlerFunc{says(503, ""), says(500, ""), good}, 3, true, "", ""},
		{"after nonsense", []http.HandlerFunc{says(200, "<html>"), says(200, ""), says(200, "null"), good}, 4, true, "", ""},
		{"doubled", []http.HandlerFunc{says(200, vhost+vhost), good}, 2, true, "", ""},
		{"a list", []http.HandlerFunc{says(200, "[]"), good}, 2, true, "", ""},
		{"somebody else's 404", []http.HandlerFunc{says(404, "<html>nginx"), good}, 2, true, "", ""},
		{"down for good", []http.HandlerFunc{says(502, "no upstream")}, tries, false, plugins.Transient, "502 Bad Gateway: no upstream"},
		{"a wrong password", []http.HandlerFunc{says(401, `{"error":"not_authorised","reason":"Login failed with `+administrator+`"}`)}, 1, false, plugins.Denied, "not_authorised, Login failed with …"},
		{"another's", []http.HandlerFunc{says(200, strings.Replace(vhost, "w_x", "w_y", 1))}, 1, false, plugins.Transient, "the answer is about"},
		{"a person's", []http.HandlerFunc{says(200, `{"name":"w_x","description":"mine"}`)}, 1, false, plugins.Exists, "not made by Wright"},
		{"elsewhere", []http.HandlerFunc{says(307, "", "Location", "http://192.0.2.1/")}, 1, false, plugins.Unknown, "307"},
		{"control characters", []http.HandlerFunc{says(400, "a\x1b[2J\r\n")}, 1, false, plugins.Invalid, "400 Bad Request: a [2J"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, n := script(t, tt.answers...)
			note, err := b.Get(t.Context(), notes.Key{Name: "w_x"})
			if plugins.CodeOf(err) != tt.code || (err == nil) != (tt.code == "" && tt.says == "") || (note != nil) != tt.there || int(n.Load()) != tt.requests {
				t.Errorf("%+v, %v after %d requests; want %q after %d", note, err, n.Load(), tt.code, tt.requests)
			}
			if err == nil {
				return
			}
			if text := err.Error(); !strings.Contains(text, tt.says) || strings.Contains(text, administrator) || strings.ContainsAny(text, "\n\r\x1b") {
				t.Errorf("%q does not say %q, or shows what it must not", text, tt.says)
			}
			if tt.code != plugins.Exists && tt.name != "another's" && !strings.Contains(err.Error(), `Get "http://127.0.0.1`) {
				t.Errorf("%q does not say what was asked", err)
			}
		})
	}
}

// A change counts as done only when RabbitMQ says so in its own way.
func TestChange(t *testing.T) {
	use := notes.Entry{Key: notes.Key{Name: "w_u", Use: true}, Note: notes.Note{Token: "t", Name: "shop", Persistent: true, Of: "w_p"}}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		code   plugins.Code
		ok     bool
	}{
		{"made", says(201, ""), "", true},
		{"changed", says(204, ""), "", true},
		{"a page", says(200, "<html>Welcome"), plugins.Transient, false},
		{"nothing", says(200, ""), plugins.Transient, false},
		{"full", says(400, `{"error":"bad_request","reason":"vhost_limit_exceeded"}`), plugins.Quota, false},
		{"gone meanwhile", says(400, `{"error":"bad_request","reason":"vhost_or_user_not_found"}`), plugins.Transient, false},
		{"not allowed", says(403, `{"error":"not_authorised","reason":"Not administrator user"}`), plugins.Denied, false},
		{"no such place", says(404, `{"error":"Object Not Found","reason":"Not Found"}`), plugins.NotFound, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, _ := script(t, tt.answer)
			if err := b.Put(t.Context(), use, ""); plugins.CodeOf(err) != tt.code || (err == nil) != tt.ok {
				t.Errorf("%v, want %q", err, tt.code)
			}
		})
	}
	for answer, ok := range map[int]bool{204: true, 404: true, 200: false, 500: false} {
		t.Run(fmt.Sprint("removed: ", answer), func(t *testing.T) {
			t.Parallel()
			b, _ := script(t, says(answer, `{"error":"Object Not Found","reason":"Not Found"}`))
			if err := b.Remove(t.Context(), use); (err == nil) != ok {
				t.Error(err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	b, n := script(t, says(429, "", "Retry-After", "30"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := b.Get(ctx, notes.Key{Name: "w_x"})
	e, ok := errors.AsType[*plugins.Error](err)
	if !ok || e.Code != plugins.Transient || e.RetryAfter != 30*time.Second || n.Load() != 1 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "2": 2 * time.Second, "-5": 0, "99999999999": time.Hour, "soon": 0,
		"Sat, 21 Nov 2026 12:00:07 GMT": 7 * time.Second, "Sat, 21 Nov 2020 12:00:07 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

// A call that is given up ends at once, a change after a moment for its answer.
func TestCancel(t *testing.T) {
	for method, least := range map[string]time.Duration{"GET": 0, "DELETE": grace / 2} {
		asked, end := make(chan struct{}), make(chan struct{})
		b, _ := script(t, func(http.ResponseWriter, *http.Request) { close(asked); <-end })
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		start := time.Now()
		var err error
		if method == "GET" {
			_, err = b.Get(ctx, notes.Key{Name: "w_x"})
		} else {
			err = b.Remove(ctx, notes.Entry{Key: notes.Key{Name: "w_u", Use: true}})
		}
		if took := time.Since(start); !errors.Is(err, context.Canceled) || took < least || took > grace+20*time.Second {
			t.Errorf("%s: %v after %v", method, err, took)
		}
		close(end)
	}
}

func TestHalfMade(t *testing.T) {
	var all []rabbithole.ExchangeInfo
	if complete(all) {
		t.Error("none are complete")
	}
	for _, name := range []string{"", "amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.rabbitmq.trace"} {
		all = append(all, rabbithole.ExchangeInfo{Name: name})
	}
	if complete(all) {
		t.Error("without amq.topic they are complete")
	}
	if !complete(append(all, rabbithole.ExchangeInfo{Name: "amq.topic"}, rabbithole.ExchangeInfo{Name: "own"})) {
		t.Error("all are not complete")
	}
	v := rabbithole.VhostInfo{ClusterState: map[string]string{"a": "running", "b": "stopped"}}
	if got := stoppedAt(&v); len(got) != 1 || got[0] != "b" {
		t.Errorf("%v", got)
	}
}

// A virtual host without its exchanges is made anew, unless there are queues in it.
func TestMend(t *testing.T) {
	note := `{"token":"t","name":"shop"}`
	vhost := func(state string) http.HandlerFunc {
		return says(200, `{"name":"w_x","description":"{\"token\":\"t\",\"name\":\"shop\"}","tags":[],"cluster_state":{"a":"`+state+`"}}`)
	}
	for _, tt := range []struct {
		name, state, queues string
		deleted, fails      bool
	}{
		{"down", "stopped", "", true, false},
		{"started since, and empty", "running", "[]", true, false},
		{"in use", "running", `[{"name":"q"}]`, false, true},
	} {
		deleted := false
		b, _ := script(t, func(w http.ResponseWriter, r *http.Request) {
			path := strings.TrimPrefix(r.URL.Path, "/base/api/")
			switch {
			case r.Method == http.MethodDelete:
				deleted = true
				w.WriteHeader(http.StatusNoContent)
			case r.Method == http.MethodPut:
				w.WriteHeader(http.StatusCreated)
			case deleted:
				says(404, `{"error":"Object Not Found","reason":"Not Found"}`)(w, r)
			case strings.HasPrefix(path, "exchanges/"):
				says(200, `[{"name":""}]`)(w, r)
			case strings.HasPrefix(path, "queues/"):
				says(200, tt.queues)(w, r)
			default:
				vhost(tt.state)(w, r)
			}
		})
		at, err := b.api(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := at.makeVhost(t.Context(), "w_x", note); (err != nil) != tt.fails || deleted != tt.deleted {
			t.Errorf("%s: %v, deleted: %t", tt.name, err, deleted)
		}
	}
}
