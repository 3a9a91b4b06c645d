package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// transport carries requests out: each within a time, again where that is safe,
// and with answers that are whole. Everything above it sees either an answer or
// an error, and after an error of a POST does not know whether it was done.
type transport struct {
	base    http.RoundTripper
	timeout time.Duration
}

const (
	maxTries  = 5
	maxAnswer = 32 << 20
	// maxPatience is how long a request waits for a cloud that says when to come
	// again; after that the caller is told.
	maxPatience = 5 * time.Second
	// grace is for the answer to a request that makes something, when the call is
	// given up: then it is known what became of it.
	grace = 2 * time.Second
)

// newHTTP makes a client that carries the token nowhere else.
func newHTTP(timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: &transport{timeout: timeout, base: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 8, MaxConnsPerHost: 16,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		answer, body, err := t.once(r)
		if r.Context().Err() != nil && (err != nil || r.Method != http.MethodPost) {
			return nil, r.Context().Err()
		}
		pause, again := retry(r.Method, try, answer, body, err)
		if !again || !sleep(r.Context(), pause) {
			return decided(answer, body, err)
		}
		if r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// odd is an error that is not in Hetzner's form: somebody else's, on the way.
type odd struct {
	status int
	after  time.Duration
	said   string
}

func (o *odd) Error() string {
	return fmt.Sprintf("%d %s: %s", o.status, http.StatusText(o.status), o.said)
}

func decided(answer *http.Response, body []byte, err error) (*http.Response, error) {
	if err == nil && answer.StatusCode >= 400 && codeIn(body) == "" {
		return nil, &odd{answer.StatusCode, waitFor(answer.Header, time.Now()), clean(string(body[:min(len(body), 4*maxSaid)]))}
	}
	return answer, err
}

// once sends the request and reads the whole answer.
func (t *transport) once(r *http.Request) (*http.Response, []byte, error) {
	if err := r.Context().Err(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), t.timeout)
	defer cancel()
	defer context.AfterFunc(r.Context(), func() {
		if r.Method == http.MethodPost {
			sleep(ctx, grace)
		}
		cancel()
	})()
	answer, err := t.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, nil, describe(ctx, r, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("it has more than %d MiB", maxAnswer>>20)
	}
	if err == nil {
		err = plausible(answer, body)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the answer is broken: %w", describe(ctx, r, err))
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return answer, body, nil
}

// describe says that there was no answer instead of "context deadline exceeded",
// which would look like the caller's own.
func describe(ctx context.Context, r *http.Request, err error) error {
	if ctx.Err() != nil && r.Context().Err() == nil {
		return errors.New("it does not answer in time")
	}
	return err
}

// plausible refuses what Hetzner does not answer, such as the welcome page of a
// proxy.
func plausible(answer *http.Response, body []byte) error {
	var object map[string]json.RawMessage
	switch {
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		return fmt.Errorf("%s, to somewhere else: credentials are not carried there", answer.Status)
	case answer.StatusCode >= 300, answer.StatusCode == http.StatusNoContent:
		return nil
	case json.Unmarshal(body, &object) != nil || len(object) == 0:
		return errors.New("it is not JSON")
	}
	return nil
}

// codeIn is the code in the body of an error; "" where there is none.
func codeIn(body []byte) string {
	var e struct {
		Error struct{ Code string }
	}
	_ = json.Unmarshal(body, &e) // others than Hetzner answer errors, too
	return e.Error.Code
}

// retry decides whether to ask once more, and when.
func retry(method string, try int, answer *http.Response, body []byte, err error) (time.Duration, bool) {
	backOff := min(50*time.Millisecond<<try, 2*time.Second)
	backOff += rand.N(backOff)
	if try >= maxTries {
		return 0, false
	}
	if err != nil {
		return backOff, method != http.MethodPost
	}
	asked := waitFor(answer.Header, time.Now())
	switch code := codeIn(body); {
	case answer.StatusCode == http.StatusTooManyRequests, code == "locked", code == "conflict": // it was not carried out
	case answer.StatusCode >= 500 && answer.StatusCode != http.StatusNotImplemented && method != http.MethodPost:
	default:
		return 0, false
	}
	return max(backOff, asked), asked <= maxPatience
}

// waitFor reads when to come again. Hetzner says when all of an hour's requests
// are there again; one is there much sooner, after an hour by their number.
func waitFor(h http.Header, now time.Time) time.Duration {
	if n, err := strconv.Atoi(h.Get("Retry-After")); err == nil && n > 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return min(max(0, at.Sub(now)), time.Hour)
	}
	left, err := strconv.Atoi(h.Get("RateLimit-Remaining"))
	limit, err2 := strconv.Atoi(h.Get("RateLimit-Limit"))
	if err == nil && err2 == nil && left <= 0 && limit > 0 {
		return max(time.Hour/time.Duration(limit), time.Second)
	}
	return 0
}

// sleep says whether the time passed before the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
