package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/wright-build/wright/plugins"

	"example.com/wright-cloud-rack/rack"
)

// client asks the API. Every request may be sent again: those that read and
// those that delete by nature, those that make by their key.
type client struct {
	base    *url.URL
	token   string
	project string
	owner   string // the installation: tokens of another may be equal
	log     *slog.Logger
	http    *http.Client
}

const (
	attempts = 5                      // of one request
	backOff  = 100 * time.Millisecond // before the second, doubled each time
	maxPause = 5 * time.Second        // a longer one is for the caller to wait
	maxBody  = 4 << 20                // bytes of an answer
	lastWord = 3 * time.Second        // for the answer to an order whose call is given up
)

// errEnding says that the machine of the key is about to go.
var errEnding = errors.New("the machine is ending")

func newClient(base *url.URL, o options, s plugins.Settings) *client {
	return &client{base: base, token: o.APIToken, project: o.Project, owner: s.Installation, log: s.Log, http: &http.Client{
		Timeout: time.Duration(o.RequestTimeout),
		// The token must not follow a redirect to somewhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (c *client) create(ctx context.Context, token string, o rack.Order) (rack.Machine, error) {
	var m rack.Machine
	err := c.do(ctx, request{method: "POST", path: "/v1/machines", key: c.keyOf(token), body: o}, &m)
	if err == nil && (m.ID == "" || m.Key != c.keyOf(token)) {
		err = plugins.Errorf(plugins.Transient, "the rack answered with another machine")
	}
	return m, err
}

func (c *client) byKey(ctx context.Context, token string) ([]rack.Machine, error) {
	return c.list(ctx, url.Values{"key": {c.keyOf(token)}})
}

// keyOf makes a key that every header takes of a token that may hold anything, and
// that no other installation has.
func (c *client) keyOf(token string) string {
	sum := sha256.Sum256([]byte(c.owner + "\x00" + token))
	return hex.EncodeToString(sum[:])
}

// byTags lists the machines with one of the tags; all machines if there is none.
func (c *client) byTags(ctx context.Context, tags map[string]string) ([]rack.Machine, error) {
	query := url.Values{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		query = url.Values{"label": {k}, "value": {tags[k]}}
	}
	return c.list(ctx, query)
}

// list follows the pages to the end. A machine that comes or goes meanwhile may
// be on two of them or on none, but no other.
func (c *client) list(ctx context.Context, query url.Values) ([]rack.Machine, error) {
	var all []rack.Machine
	for {
		var page rack.Page
		if err := c.do(ctx, request{method: "GET", path: "/v1/machines", query: query}, &page); err != nil {
			return nil, err
		}
		if page.Machines == nil {
			return nil, plugins.Errorf(plugins.Transient, "the rack answered without a list")
		}
		all = append(all, page.Machines...)
		if page.Next == "" {
			return all, nil
		}
		query = maps.Clone(query)
		query.Set("page", page.Next)
	}
}

func (c *client) remove(ctx context.Context, id string) error {
	err := c.do(ctx, request{method: "DELETE", path: "/v1/machines/" + id}, new(rack.Machine))
	if plugins.CodeOf(err) == plugins.NotFound {
		return nil
	}
	return err
}

func (c *client) console(ctx context.Context, id string) ([]byte, error) {
	var output []byte
	err := c.do(ctx, request{method: "GET", path: "/v1/machines/" + id + "/console"}, &output)
	return output, err
}

// request is one call of the API.
type request struct {
	method, path string
	query        url.Values
	key          string
	body         any
}

// do sends a request until it is answered for good: what is transient is tried
// again, a few times and only as long as the call lasts.
func (c *client) do(ctx context.Context, r request, into any) error {
	wait := backOff
	for n := 1; ; n++ {
		err := c.once(ctx, r, into)
		if plugins.CodeOf(err) != plugins.Transient || n == attempts || ctx.Err() != nil {
			return err
		}
		pauseFor := wait
		if e, ok := errors.AsType[*plugins.Error](err); ok && e.RetryAfter > 0 {
			if pauseFor = e.RetryAfter; pauseFor > maxPause {
				return err
			}
		}
		c.log.Debug("asking the rack again", "method", r.method, "path", r.path, "after", pauseFor, "error", err)
		if pause(ctx, pauseFor) != nil {
			return err
		}
		wait *= 2
	}
}

// once sends a request and reads the answer. Any error that leaves open what
// happened is transient.
func (c *client) once(ctx context.Context, r request, into any) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask the rack: %w", ctx.Err())
	}
	body, err := json.Marshal(r.body)
	if err != nil {
		return plugins.Invalidf("config", "cannot be sent: %w", err)
	}
	at := c.base.JoinPath(r.path)
	at.RawQuery = r.query.Encode()
	sent := ctx
	if r.key != "" {
		var cancel context.CancelFunc
		sent, cancel = outlast(ctx, lastWord)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(sent, r.method, at.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the rack: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Project", c.project)
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.broken(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return c.broken(ctx, err)
	}
	if resp.StatusCode >= 300 {
		return problem(resp, text)
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = text
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return plugins.Errorf(plugins.Transient, "read the rack's answer: %w", err)
	}
	return nil
}

// outlast gives an order on its way a while to be answered when its call is given
// up: nobody would know what becomes of one that is cut off. It is no long while,
// since a call must end soon.
func outlast(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	sent, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		_ = pause(sent, d)
		cancel()
	})
	return sent, func() { stop(); cancel() }
}

// broken is the error of a request without an answer: the call's own end, or
// something that may go away.
func (c *client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask the rack: %w", ctx.Err())
	}
	return plugins.Errorf(plugins.Transient, "ask the rack: %w", err)
}

// problem turns an answer that is none into an error with a code.
func problem(resp *http.Response, text []byte) error {
	var p rack.Problem
	_ = json.Unmarshal(text, &p) // what is no problem of the rack's own is judged by its status
	err := fmt.Errorf("the rack answered %d: %.200s", resp.StatusCode, p.Text)
	switch {
	case p.Error == "unauthorized" || resp.StatusCode == http.StatusForbidden:
		return &plugins.Error{Code: plugins.Denied, Err: err}
	case p.Error == "quota":
		return &plugins.Error{Code: plugins.Quota, Err: err}
	case p.Error == "conflict":
		return fmt.Errorf("%w: %w", errEnding, err)
	case p.Error == "not-found":
		return &plugins.Error{Code: plugins.NotFound, Err: err}
	case p.Error == "invalid":
		return &plugins.Error{Code: plugins.Invalid, Field: p.Field, Err: err}
	}
	// 429, 5xx, redirects, and whatever stands between us and the rack.
	after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return plugins.RetryAfter(time.Duration(max(0, after))*time.Second, err)
}
