//go:build !nos3

package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// s3Server starts a real one, built from its own module beside this test, and
// returns its address. It holds an empty bucket of that name.
func s3Server(t *testing.T, name string) string {
	if os.Getenv("WRIGHT_TEST_HEAVY") == "" {
		t.Skip("it builds an S3 server: set WRIGHT_TEST_HEAVY=1")
	}
	dir := t.TempDir()
	server := filepath.Join(dir, "versitygw")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", server, "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = "testdata/versitygw"
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("the S3 server cannot be built here: %v\n%s", err, out)
	}
	for _, d := range []string{filepath.Join(dir, "data", name), filepath.Join(dir, "meta")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	address := free(t)
	ctx, stop := context.WithCancel(t.Context())
	run := exec.CommandContext(ctx, server, "--access", "test", "--secret", "geheim", "--port", address, "posix", "--sidecar", filepath.Join(dir, "meta"), filepath.Join(dir, "data"))
	run.Stdout, run.Stderr = os.Stderr, os.Stderr
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = run.Wait() })
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "geheim")
	for { // until it answers, or go test loses its patience
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return address
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func free(t *testing.T) string {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func s3Address(server string) string {
	return "s3://logs?region=us-east-1&use_path_style=true&endpoint=http://" + server
}

func TestS3Keeps(t *testing.T) { keeps(t, s3Address(s3Server(t, "logs"))) }

// faults stands before a server and spoils what is asked of it, as often as it is
// told.
type faults struct {
	proxy *httputil.ReverseProxy
	left  atomic.Int64
	spoil func(w http.ResponseWriter)
}

func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.left.Add(-1) >= 0 {
		f.spoil(w)
		return
	}
	f.proxy.ServeHTTP(w, r)
}

// Whatever the way to the bucket does: what is read is what was put, and it ends.
func TestS3OverABadWay(t *testing.T) {
	server := s3Server(t, "logs")
	far, _ := url.Parse("http://" + server)
	text := bytes.Repeat([]byte("some output\n"), 100_000)
	cut := func(w http.ResponseWriter) { // a half answer
		w.Header().Set("Content-Length", "1200000")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(text[:1000])
		panic(http.ErrAbortHandler)
	}
	for name, spoil := range map[string]func(w http.ResponseWriter){
		"503":       func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"500":       func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"reset":     func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"truncated": cut,
		"nonsense":  func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>log in, please</html>") },
	} {
		t.Run(name, func(t *testing.T) {
			f := &faults{proxy: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(far)
				r.Out.Host = r.In.Host // it is signed
			}}}
			f.spoil = spoil
			near := httptestServer(t, f)
			b := open(t, s3Address(near), name)
			f.left.Store(2)
			if err := b.Put("x", bytes.NewReader(text), int64(len(text))); err != nil {
				t.Fatalf("put: %v", err)
			}
			got := make([]byte, len(text))
			f.left.Store(2)
			if err := b.ReadAt("x", got, 0); err != nil || !bytes.Equal(got, text) {
				t.Fatalf("read: the same %v, %v", bytes.Equal(got, text), err)
			}
			f.left.Store(1 << 40)
			if err := b.ReadAt("x", got, 0); err == nil {
				t.Error("it is read though nothing answers rightly")
			}
		})
	}
	t.Run("stall", func(t *testing.T) {
		f := &faults{proxy: httputil.NewSingleHostReverseProxy(far)}
		f.left.Store(1 << 40)
		over := make(chan struct{})
		f.spoil = func(http.ResponseWriter) { <-over }
		near := httptestServer(t, f)
		t.Cleanup(func() { close(over) })
		b := open(t, s3Address(near), "one")
		b.patience = 50 * time.Millisecond
		if _, err := b.Size("x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func httptestServer(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return l.Addr().String()
}
