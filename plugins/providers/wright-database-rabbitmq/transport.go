package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/wright-build/wright/plugins"
)

const (
	requestTime = 15 * time.Second // of one try
	grace       = 2 * time.Second  // for an answer to a change when the call is given up
	tries       = 4
	firstPause  = 150 * time.Millisecond
	maxAnswer   = 64 << 20 // bytes
	maxSaid     = 500      // bytes of an answer in an error
)

// below makes the connections.
func below(config *tls.Config) http.RoundTripper {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, MaxConnsPerHost: 16, MaxIdleConnsPerHost: 16,
		IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
	}
}

// transport has the requests of one call end with it, repeats what failed on the
// way (everything that is sent here may be repeated), believes only answers that
// the API gives, and turns all others into errors with a code. It is what the
// client library has no notion of.
type transport struct {
	ctx    context.Context //nolint:containedctx // the library takes none, and makes one client for each call
	below  http.RoundTripper
	secret string // is shown in no error
}

// status is an answer that is no success.
type status struct {
	code  int
	said  string
	after time.Duration
}

// Error says what the server said.
func (s *status) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%d %s: %s", s.code, http.StatusText(s.code), s.said), ": ")
}

// RoundTrip implements http.RoundTripper. What the request was stands in the error
// that http.Client makes of the one here.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	pause := firstPause
	for try := 1; ; try++ {
		answer, err := t.once(r, body)
		if err == nil {
			return answer, nil
		}
		if t.ctx.Err() != nil {
			return nil, t.ctx.Err()
		}
		again, after := repeatable(err)
		rest := max(pause, after)
		if deadline, ok := t.ctx.Deadline(); !again || try == tries || ok && time.Until(deadline) < rest+firstPause {
			return nil, coded(err)
		}
		if err := sleep(t.ctx, rest); err != nil {
			return nil, err
		}
		pause *= 3
	}
}

// once sends a request once. A change that is given up half way could arrive
// after the next one, so it gets a moment for its answer.
func (t *transport) once(r *http.Request, body []byte) (*http.Response, error) {
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), requestTime)
	defer cancel()
	defer context.AfterFunc(t.ctx, func() {
		if r.Method != http.MethodGet {
			_ = sleep(own, grace)
		}
		cancel()
	})()
	try := r.Clone(own)
	try.Close = false // the library closes connections
	try.Body, try.ContentLength = http.NoBody, 0
	if len(body) > 0 {
		try.Body, try.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	answer, err := t.below.RoundTrip(try)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("it has more than %d bytes", maxAnswer)
	}
	if err != nil {
		err = fmt.Errorf("read the answer (%s): %w", answer.Status, err)
	} else {
		err = t.believe(r.Method, answer, text)
	}
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(text))
	answer.Request = r
	return answer, nil
}

// believe gives an error unless this is an answer of the API that means success. A
// 404 is told from that of anybody else on the way: it would mean that all is gone.
func (t *transport) believe(method string, answer *http.Response, text []byte) error {
	good := map[string][]int{
		http.MethodGet: {http.StatusOK}, http.MethodPut: {http.StatusCreated, http.StatusNoContent}, http.MethodDelete: {http.StatusNoContent},
		http.MethodPost: {http.StatusNoContent},
	}
	var refusal struct{ Error, Reason string }
	said := json.Unmarshal(text, &refusal) == nil && refusal.Error != ""
	switch code := answer.StatusCode; {
	case slices.Contains(good[method], code) && (method != http.MethodGet || t.whole(answer, text)):
		return nil
	case code == http.StatusNotFound && said && method == http.MethodDelete:
		return nil
	case code < http.StatusMultipleChoices, code == http.StatusNotFound && !said:
		return fmt.Errorf("the answer (%s) is not what RabbitMQ says to it", answer.Status)
	}
	s := &status{code: answer.StatusCode, after: retryAfter(answer.Header.Get("Retry-After"), time.Now()), said: t.bounded(text)}
	if said {
		s.said = t.bounded([]byte(refusal.Error + ", " + refusal.Reason))
	}
	return s
}

// whole says whether an answer is all of what was asked for: a list, or one thing.
// Nothing, or something else, would be taken for an empty one.
func (t *transport) whole(answer *http.Response, text []byte) bool {
	first, path := byte('{'), strings.TrimSuffix(answer.Request.URL.Path, "/")
	for _, list := range []string{"/api/vhosts", "/api/users", "/api/global-parameters"} {
		if strings.HasSuffix(path, list) || strings.Contains(path, "/api/exchanges/") || strings.Contains(path, "/api/queues/") {
			first = '['
		}
	}
	text = bytes.TrimSpace(text)
	return len(text) > 0 && text[0] == first && json.Valid(text)
}

// bounded is what anybody may see of an answer.
func (t *transport) bounded(text []byte) string {
	said := string(text)
	if t.secret != "" {
		said = strings.ReplaceAll(said, t.secret, "…")
	}
	said = strings.ToValidUTF8(said[:min(len(said), maxSaid)], "")
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, said))
}

// repeatable says whether the same request may have better luck, and when.
func repeatable(err error) (bool, time.Duration) {
	s, ok := errors.AsType[*status](err)
	if !ok {
		return true, 0 // nobody knows what became of it
	}
	return s.code == http.StatusTooManyRequests || s.code >= 500 && s.code != http.StatusNotImplemented, s.after
}

// coded gives an error its code.
func coded(err error) error {
	if again, after := repeatable(err); again {
		return plugins.RetryAfter(after, err)
	}
	s, ok := errors.AsType[*status](err)
	code := plugins.Unknown
	switch {
	case !ok:
	case s.code == http.StatusUnauthorized || s.code == http.StatusForbidden:
		code = plugins.Denied
	case s.code == http.StatusNotFound:
		code = plugins.NotFound
	case s.code == http.StatusBadRequest && strings.Contains(s.said, "limit"):
		code = plugins.Quota
	case s.code == http.StatusBadRequest && strings.Contains(s.said, "not_found"):
		code = plugins.Transient // somebody removes what was just made
	case s.code == http.StatusBadRequest || s.code == http.StatusUnprocessableEntity:
		code = plugins.Invalid
	}
	return plugins.Errorf(code, "%w", err)
}

// retryAfter reads the header, which holds seconds or a date.
func retryAfter(header string, now time.Time) time.Duration {
	const most = time.Hour
	if n, err := strconv.Atoi(header); err == nil {
		return min(max(0, time.Duration(min(n, int(most/time.Second)))*time.Second), most)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(0, at.Sub(now)), most)
	}
	return 0
}
