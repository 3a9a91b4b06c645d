package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// transport carries requests out: each within a time, again where that is safe,
// and with answers that are whole. Everything above it sees either an answer or
// an error, and after an error of a POST does not know whether it was done.
type transport struct {
	base    http.RoundTripper
	timeout time.Duration
	secrets []string // that no error may repeat, whatever the cloud says
}

const (
	maxTries  = 5
	maxAnswer = 32 << 20
	// maxPatience is how long one call waits for a cloud that says when to come
	// again; after that the caller is told.
	maxPatience = 5 * time.Second
	// patience is how much longer is waited for the answer to a request that must
	// not be repeated: giving up does not end it.
	patience = 4
)

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	last := ""
	for try := 1; ; try++ {
		answer, err := t.once(r)
		if r.Context().Err() != nil {
			return nil, ended(r.Context(), last)
		}
		pause, again := retry(repeatable(r), try, answer, err)
		if !again {
			return answer, err
		}
		if last = trouble(answer, err); !sleep(r.Context(), pause) {
			return nil, ended(r.Context(), last)
		}
		if r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// ended is the error of a request whose call is over, with what it met before.
func ended(ctx context.Context, last string) error {
	if last == "" {
		return ctx.Err()
	}
	return fmt.Errorf("%w; before that it met: %s", ctx.Err(), last)
}

// trouble says why a request is sent again.
func trouble(answer *http.Response, err error) string {
	if err != nil {
		return clean(err.Error())
	}
	return answer.Status
}

// once reads the whole answer.
func (t *transport) once(r *http.Request) (*http.Response, error) {
	limit := t.timeout
	if !repeatable(r) {
		limit *= patience
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	answer, err := t.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, t.describe(ctx, r, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("it has more than %d MiB", maxAnswer>>20)
	}
	if err == nil {
		err = plausible(r, answer, body)
	}
	if err != nil {
		return nil, fmt.Errorf("the answer is broken: %w", t.describe(ctx, r, err))
	}
	if answer.StatusCode >= 400 {
		body = t.hide(r, body)
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return answer, nil
}

// describe says that there was no answer instead of "context deadline exceeded", which
// would look like the caller's own.
func (t *transport) describe(ctx context.Context, r *http.Request, err error) error {
	if ctx.Err() != nil && r.Context().Err() == nil {
		return errors.New("it does not answer in time")
	}
	return err
}

// minSecret is how long a secret must be to be told from a common word.
const minSecret = 8

// hide takes secrets out of an answer that will be shown to people: some servers
// repeat what they were sent.
func (t *transport) hide(r *http.Request, body []byte) []byte {
	for _, secret := range append([]string{r.Header.Get("X-Auth-Token")}, t.secrets...) {
		spelled, err := json.Marshal(secret)
		if err == nil && secret != "" {
			body = bytes.ReplaceAll(body, spelled, []byte(`"[hidden]"`))
		}
		if len(secret) >= minSecret {
			body = bytes.ReplaceAll(body, []byte(secret), []byte("[hidden]"))
		}
	}
	return body
}

// plausible refuses what no OpenStack API answers, such as the welcome page of a
// proxy. A list that is not there is no empty list.
func plausible(r *http.Request, answer *http.Response, body []byte) error {
	switch {
	case answer.StatusCode >= 300 && answer.StatusCode < 400 && answer.StatusCode != http.StatusMultipleChoices:
		return fmt.Errorf("%s, to somewhere else: credentials are not carried there", answer.Status)
	case answer.StatusCode >= 300, answer.StatusCode == http.StatusNoContent, answer.StatusCode == http.StatusAccepted && len(body) == 0:
		return nil
	case r.Method == http.MethodDelete && len(bytes.TrimSpace(body)) == 0, r.Method == http.MethodHead:
		return nil
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(body, &parts); err != nil {
		return errors.New("it is no JSON object")
	}
	key := listKey(r.URL.Path)
	if list := parts[key]; r.Method == http.MethodGet && key != "" && !bytes.HasPrefix(list, []byte("[")) {
		return fmt.Errorf("it holds no list of %s", key)
	}
	if len(parts) == 0 {
		return errors.New("it is empty")
	}
	return nil
}

// listKey is where in an answer the list is that a path asks for; "" when it asks
// for something else.
func listKey(path string) string {
	path = strings.TrimSuffix(path, "/detail")
	switch last := path[strings.LastIndexByte(path, '/')+1:]; last {
	case "servers", "flavors", "images", "networks", "ports", "floatingips", "volumes":
		return last
	case "security-groups":
		return "security_groups"
	}
	return ""
}

// repeatable says whether a request may be carried out twice.
func repeatable(r *http.Request) bool {
	if r.Method == http.MethodPost {
		return strings.HasSuffix(r.URL.Path, "/auth/tokens")
	}
	return true
}

// retry decides whether to ask once more, and when.
func retry(repeatable bool, try int, answer *http.Response, err error) (time.Duration, bool) {
	backOff := min(100*time.Millisecond<<try, 2*time.Second)
	backOff += rand.N(backOff)
	if try >= maxTries {
		return 0, false
	}
	if err != nil {
		return backOff, repeatable
	}
	asked := retryAfter(answer.Header)
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge: // throttled: it was not carried out
		if answer.StatusCode == http.StatusRequestEntityTooLarge && asked == 0 {
			return 0, false
		}
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if !repeatable {
			return 0, false
		}
	default:
		return 0, false
	}
	return max(backOff, asked), asked <= maxPatience
}

// retryAfter reads the header; 0 when there is none that makes sense.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, time.Until(at)), time.Hour)
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
