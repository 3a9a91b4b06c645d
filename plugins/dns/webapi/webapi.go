// Package webapi asks HTTP services that speak JSON, for DNS providers whose
// requests may all be repeated: it bounds what is read, repeats what failed on
// the way, waits as long as the service asks for, and gives errors that name the
// request and what was said, without the credential. It knows no service.
package webapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/wright-build/wright/plugins"
)

// Client is one service. Every request that it sends may be repeated.
type Client struct {
	base       *url.URL
	header     string
	prefix     string
	credential func() (string, error)
	http       *http.Client
}

// New makes a client of the service at an endpoint, the URL in the setting of
// the name field. The credential is sent in a header, after the prefix.
func New(field, endpoint, header, prefix string, credential func() (string, error)) (*Client, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, plugins.Invalidf(field, "is no URL of an HTTP service, such as https://dns.example.test")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, plugins.Invalidf(field, "must hold neither a user nor a query: credentials have a setting of their own")
	}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxConnsPerHost: 16, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
	}
	// A redirect would carry the credential elsewhere; none of these services has any.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{u, header, prefix, credential, &http.Client{Transport: t, CheckRedirect: stay}}, nil
}

// Trust sets what the client wants of the service's certificates; nil changes
// nothing. It comes before the first request.
func (c *Client) Trust(config *tls.Config) {
	if t, ok := c.http.Transport.(*http.Transport); ok && config != nil {
		t.TLSClientConfig = config.Clone()
	}
}

const (
	requestTime = 15 * time.Second // of one try
	grace       = 2 * time.Second  // for an answer to a change when the call is given up
	tries       = 4
	firstPause  = 150 * time.Millisecond
	maxAnswer   = 64 << 20 // bytes
	maxSaid     = 500      // bytes of an answer in an error
)

// Status is an answer other than the wanted one.
type Status struct {
	Code  int
	Said  string
	after time.Duration
}

// Error says what the service said.
func (s *Status) Error() string {
	text := fmt.Sprintf("%d %s", s.Code, http.StatusText(s.Code))
	if s.Said != "" {
		text += ": " + s.Said
	}
	return text
}

// Request is one thing to ask for.
type Request struct {
	Method string
	Path   []string // below the endpoint, unescaped
	Query  url.Values
	In     any   // sent as JSON; nil sends nothing
	Out    any   // read from JSON; nil reads nothing
	Want   []int // status codes that mean success
}

// Do sends a request, repeats it where the way or the service failed, and reads
// the answer. It gives the answer's header.
func (c *Client) Do(ctx context.Context, r Request) (http.Header, error) {
	body, err := json.Marshal(r.In)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name(r), err)
	}
	secret, err := c.credential()
	if err != nil {
		return nil, err
	}
	pause := firstPause
	for try := 1; ; try++ {
		header, err := c.once(ctx, r, body, secret)
		if err == nil {
			return header, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", c.name(r), ctx.Err())
		}
		again, after := repeatable(err)
		rest := max(pause+rand.N(pause), after) // who collided shall not come again together
		if deadline, ok := ctx.Deadline(); !again || try == tries || ok && time.Until(deadline) < rest+firstPause {
			return nil, c.coded(r, err)
		}
		if err := sleep(ctx, rest); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name(r), err)
		}
		pause *= 3
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// repeatable says whether the same request may have better luck, and when.
func repeatable(err error) (bool, time.Duration) {
	s, ok := errors.AsType[*Status](err)
	if !ok {
		return true, 0 // nobody knows what became of it
	}
	throttled := s.Code == http.StatusTooManyRequests || s.Code == http.StatusRequestEntityTooLarge && s.after > 0
	return throttled || s.Code >= 500 && s.Code != http.StatusNotImplemented, s.after
}

// coded gives an error its code.
func (c *Client) coded(r Request, err error) error {
	err = fmt.Errorf("%s: %w", c.name(r), err)
	s, ok := errors.AsType[*Status](err)
	if again, after := repeatable(err); again {
		return plugins.RetryAfter(after, err)
	}
	code := plugins.Unknown
	switch {
	case !ok:
	case s.Code == http.StatusUnauthorized || s.Code == http.StatusForbidden:
		code = plugins.Denied
	case s.Code == http.StatusNotFound:
		code = plugins.NotFound
	case s.Code == http.StatusRequestEntityTooLarge:
		code = plugins.Quota
	case s.Code == http.StatusConflict:
		code = plugins.Exists
	case s.Code == http.StatusBadRequest || s.Code == http.StatusUnprocessableEntity:
		code = plugins.Invalid
	}
	return plugins.Errorf(code, "%w", err)
}

func (c *Client) name(r Request) string { return r.Method + " " + c.url(r).Redacted() }

func (c *Client) url(r Request) *url.URL {
	u := *c.base
	escaped := strings.TrimSuffix(u.EscapedPath(), "/")
	u.Path = strings.TrimSuffix(u.Path, "/")
	for _, p := range r.Path {
		u.Path += "/" + p
		escaped += "/" + url.PathEscape(p)
	}
	u.RawPath, u.RawQuery = escaped, r.Query.Encode()
	return &u
}

// once sends a request once. A change that is given up half way could arrive
// after the next one, so it gets a moment for its answer.
func (c *Client) once(ctx context.Context, r Request, body []byte, secret string) (http.Header, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if r.Method != http.MethodGet {
			_ = sleep(own, grace)
		}
		cancel()
	})()
	req, err := http.NewRequestWithContext(own, r.Method, c.url(r).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if r.In == nil {
		req.Body, req.GetBody, req.ContentLength = http.NoBody, nil, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set(c.header, c.prefix+secret)
	answer, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the rest of it is in every error of Do
		}
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	return answer.Header, read(answer, r, secret)
}

func read(answer *http.Response, r Request, secret string) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case !slices.Contains(r.Want, answer.StatusCode):
		return status(answer, text, secret)
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case len(text) > maxAnswer:
		return fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	case r.Out == nil:
		return nil
	}
	if err := json.Unmarshal(text, r.Out); err != nil {
		return fmt.Errorf("the answer is not what the service speaks: %w", err)
	}
	return nil
}

func status(answer *http.Response, text []byte, secret string) *Status {
	s := &Status{Code: answer.StatusCode, after: retryAfter(answer.Header.Get("Retry-After"), time.Now())}
	said := string(text)
	if secret != "" {
		said = strings.ReplaceAll(said, secret, "…")
	}
	s.Said = strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(said[:min(len(said), maxSaid)], "")))
	return s
}

func printable(c rune) rune {
	if unicode.IsControl(c) {
		return ' '
	}
	return c
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
