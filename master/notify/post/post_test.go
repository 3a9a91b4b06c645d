package post

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
)

const secret = "s3cret-word"

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// hosts refuses this machine unless it is true.
type hosts bool

func (h hosts) CheckHost(host string) error {
	if host == "localhost" && !bool(h) {
		return fmt.Errorf("%s is this machine", host)
	}
	return nil
}

func (h hosts) CheckAddr(_ string, addr netip.Addr) error {
	if addr.IsLoopback() && !bool(h) {
		return fmt.Errorf("%s is this machine", addr)
	}
	return nil
}

func poster(t *testing.T, allowed bool) *Poster {
	t.Helper()
	p := New(Config{Hosts: hosts(allowed), Deadline: 10 * time.Second, Secret: func(instance, name string) (string, error) {
		if instance != "shop" || name != "word" {
			return "", fmt.Errorf("secret %q: not found", name)
		}
		return secret, nil
	}})
	t.Cleanup(p.Close)
	return p
}

func build() *state.Build {
	return &state.Build{ID: "shop-000012", Instance: "shop", Number: 12, State: state.Failed, Error: "step \"test\" failed\nexit status 2"}
}

// received is one request.
type received struct {
	method, path string
	header       http.Header
	body         string
}

// server keeps what comes and answers as it is told.
func server(t *testing.T, status int, header http.Header, text string) (url string, all func() []received) {
	t.Helper()
	var mu sync.Mutex
	var got []received
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		got = append(got, received{r.Method, r.URL.EscapedPath(), r.Header, string(body)})
		mu.Unlock()
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []received {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

func hmacOf(parts string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(parts))
	return hex.EncodeToString(h.Sum(nil))
}

func TestWebhook(t *testing.T) {
	url, all := server(t, 204, nil, "")
	n := &state.Notice{ID: "shop-000012.build-failed.webhook.1", Channel: "webhook", Event: "build-failed", Instance: "shop", Build: "shop-000012",
		To: url + "/hooks/1?room=2", Secret: "word", Failures: 2, Since: "shop-000011"}
	if err := poster(t, true).Webhook(t.Context(), n, content.Content{Build: build(), Page: "http://h/builds/shop-000012"}, now); err != nil {
		t.Fatal(err)
	}
	got := all()
	if len(got) != 1 || got[0].method != "POST" || got[0].path != "/hooks/1" {
		t.Fatalf("got %+v", got)
	}
	h, body := got[0].header, got[0].body
	if h.Get("X-Hub-Signature-256") != "sha256="+hmacOf(body) {
		t.Errorf("GitHub's signature is %s", h.Get("X-Hub-Signature-256"))
	}
	at := strconv.FormatInt(now.Unix(), 10)
	if want := "t=" + at + ",v1=" + hmacOf(at+"."+body); h.Get("X-Wright-Signature") != want {
		t.Errorf("Wright's signature is %s, want %s", h.Get("X-Wright-Signature"), want)
	}
	if h.Get("X-Wright-Event") != n.Event || h.Get("X-Wright-Delivery") != n.ID || h.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", h)
	}
	var e Event
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Event != n.Event || e.Delivery != n.ID || !e.SentAt.Equal(now) ||
		e.Failures != 2 || e.Build.ID != "shop-000012" || e.Build.State != "failed" || e.URL != "http://h/builds/shop-000012" {
		t.Errorf("body %s: %v", body, err)
	}
}

// TestAnswers: what an answer means for the notice and for the others of its
// host; what it says is shown short and harmless.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status     int
		header     http.Header
		final, far bool
		after      time.Duration
	}{
		{status: 302, header: http.Header{"Location": {"http://127.0.0.1:1/elsewhere"}}, final: true},
		{status: 307, header: http.Header{"Location": {"http://169.254.169.254/"}}, final: true},
		{status: 400}, {status: 401}, {status: 404},
		{status: 410, final: true},
		{status: 429, header: http.Header{"Retry-After": {"120"}}, far: true, after: 2 * time.Minute},
		{status: 503, header: http.Header{"Retry-After": {"999999"}}, far: true, after: time.Hour},
		{status: 500, header: http.Header{"Retry-After": {"Sat, 21 Nov 2026 12:00:00 GMT"}}, far: true},
	} {
		url, all := server(t, c.status, c.header, "bad\r\n\x1b[31mthing"+strings.Repeat("x", 1<<20))
		n := &state.Notice{ID: "1", Event: "build-failed", Instance: "shop", To: url + "/T0K3N", Secret: "word"}
		err := poster(t, true).Webhook(t.Context(), n, content.Content{Build: build()}, now)
		said := outcome.Of(err)
		if err == nil || said.Final != c.final || said.Far != c.far || said.After != c.after || len(all()) != 1 {
			t.Errorf("%d: %v, %+v, %d requests", c.status, err, said, len(all()))
			continue
		}
		if text := err.Error(); !strings.Contains(text, "bad thing") || len(text) > 500 || strings.Contains(text, "T0K3N") {
			t.Errorf("%d: %s", c.status, text)
		}
	}
}

// TestWhereNothingGoes: addresses that the operator does not allow are not
// connected to, whatever they are called, and a host that is silent has its time.
func TestWhereNothingGoes(t *testing.T) {
	url, all := server(t, 200, nil, "")
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	for _, to := range []string{url, "http://localhost:" + port, "http://[::1]:" + port, "http://[::ffff:127.0.0.1]:" + port} {
		n := &state.Notice{ID: "1", Event: "build-failed", Instance: "shop", To: to, Secret: "word"}
		err := poster(t, false).Webhook(t.Context(), n, content.Content{Build: build()}, now)
		if said := outcome.Of(err); err == nil || !said.Final && !strings.Contains(err.Error(), "refused") || len(all()) != 0 {
			t.Errorf("%s: %v", to, err)
		}
	}
	hang := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer silent.Close()
	defer close(hang)
	p := poster(t, true)
	p.cfg.Deadline = 50 * time.Millisecond
	err := p.Webhook(t.Context(), &state.Notice{ID: "1", Instance: "shop", To: silent.URL + "/T0K3N", Secret: "word"}, content.Content{Build: build()}, now)
	if said := outcome.Of(err); err == nil || !said.Far || said.Final || strings.Contains(err.Error(), "T0K3N") {
		t.Errorf("silent: %v", err)
	}
	err = p.Webhook(t.Context(), &state.Notice{ID: "1", Instance: "shop", To: url, Secret: "another"}, content.Content{Build: build()}, now)
	if err == nil || len(all()) != 0 {
		t.Errorf("without its secret: %v", err)
	}
}
