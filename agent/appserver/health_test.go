package appserver

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// answering is an AppServer's address, and how often it was asked.
func answering(t *testing.T, answer http.HandlerFunc) (address string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.Listener.Addr().String(), asked
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func check(within time.Duration) *agentv1.Health {
	return &agentv1.Health{Http: "/healthz?deep=1", Within: durationpb.New(within)}
}

func TestHealthyStatus(t *testing.T) {
	for code, healthy := range map[int]bool{200: true, 204: true, 301: true, 304: true, 399: true, 400: false, 404: false, 500: false, 503: false} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			address, asked := answering(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.String() != "/healthz?deep=1" {
					t.Errorf("asked %s %s", r.Method, r.URL)
				}
				w.Header().Set("Location", "/elsewhere")
				status(code)(w, r)
			})
			var said strings.Builder
			err := Healthy(t.Context(), address, check(200*time.Millisecond), &said)
			switch {
			case healthy && (err != nil || asked.Load() != 1):
				t.Errorf("asked %d times: %v", asked.Load(), err)
			case !healthy && (err == nil || !strings.Contains(err.Error(), strconv.Itoa(code)) || !strings.Contains(err.Error(), "within 200ms")):
				t.Errorf("got %v", err)
			case !healthy && asked.Load() < 2:
				t.Errorf("asked %d times", asked.Load())
			}
			if !strings.Contains(said.String(), "http://"+address+"/healthz?deep=1") {
				t.Errorf("progress: %q", said.String())
			}
		})
	}
}

// TestHealthyLater: one that comes up slowly is healthy when it is up.
func TestHealthyLater(t *testing.T) {
	var n atomic.Int32
	address, asked := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) < 4 {
			status(503)(w, r)
		}
	})
	if err := Healthy(t.Context(), address, check(time.Minute), t.Output()); err != nil || asked.Load() != 4 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

// TestHealthySilence: one that takes the request and says nothing is not
// waited for beyond the time.
func TestHealthySilence(t *testing.T) {
	address, _ := answering(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	began := time.Now()
	if err := Healthy(t.Context(), address, check(100*time.Millisecond), t.Output()); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestHealthyEndlessBody: the answer is the status; nobody waits for the end of
// the body, and the connection is closed.
func TestHealthyEndlessBody(t *testing.T) {
	left := make(chan struct{})
	address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	if err := Healthy(t.Context(), address, check(10*time.Second), t.Output()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-left:
	case <-time.After(2 * time.Minute):
		t.Error("the connection stays open")
	}
}

func TestHealthyNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	if err := Healthy(t.Context(), address, check(100*time.Millisecond), t.Output()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
	if err := Healthy(t.Context(), "no address", check(100*time.Millisecond), t.Output()); err == nil {
		t.Error("no address: no error")
	}
}

// TestHealthyNotHTTP: what is no HTTP is no health.
func TestHealthyNotHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example.test ESMTP\r\n"))
			_ = c.Close()
		}
	}()
	defer func() { _ = l.Close(); <-done }()
	if err := Healthy(t.Context(), l.Addr().String(), check(100*time.Millisecond), t.Output()); err == nil {
		t.Error("no error")
	}
}

// TestHealthyElsewhere: the check's own port wins, and without a check nothing
// is asked.
func TestHealthyElsewhere(t *testing.T) {
	address, _ := answering(t, status(200))
	_, port, _ := net.SplitHostPort(address)
	h := check(10 * time.Second)
	n, _ := strconv.Atoi(port)
	h.Port = int32(n)
	if err := Healthy(t.Context(), "127.0.0.1:1", h, t.Output()); err != nil {
		t.Error(err)
	}
	if err := Healthy(t.Context(), "127.0.0.1:1", nil, t.Output()); err != nil {
		t.Error(err)
	}
}

func TestHealthyGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) { cancel(); status(503)(w, r) })
	began := time.Now()
	if err := Healthy(ctx, address, check(time.Minute), t.Output()); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestHealthyLastAnswer: what it answered last is told, not that a later answer
// did not come in time.
func TestHealthyLastAnswer(t *testing.T) {
	var n atomic.Int32
	address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 1 {
			<-r.Context().Done()
			return
		}
		status(503)(w, r)
	})
	if err := Healthy(t.Context(), address, check(200*time.Millisecond), t.Output()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v", err)
	}
}
