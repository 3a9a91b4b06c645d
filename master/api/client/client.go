// Package client talks to a master's API. The command line is its main user.
// It knows the addresses and the JSON of the API; it does not know how a
// master is found, nor how what it answers is shown to people.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/wright-build/wright/master/api/view"
)

// ErrUnreachable means that nothing that answers like a master could be
// reached: the request may be repeated when one is there.
var ErrUnreachable = errors.New("no master reached")

// Error is what a master answers when it does not do what it was asked.
type Error struct {
	Status  int // HTTP
	Message string
	Hint    string // what to do next; may be ""
}

func (e *Error) Error() string { return e.Message }

// Client talks to one master. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

const (
	maxAnswer     = 256 << 20        // bytes of a JSON answer
	headerTimeout = 90 * time.Second // longer than the server waits for anything
)

// New makes a client of the master at address, such as "http://localhost:8080"
// or "localhost:8080". The token may be "".
func New(address, token string) (*Client, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || !isBase(u) {
		return nil, errors.New("the address of a master is http://HOST:PORT") // what was given may hold a secret
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = headerTimeout
	transport.Proxy = nil // a master is a neighbour; its name may mean nothing to a proxy
	transport.DisableCompression = true
	return &Client{base: u.Scheme + "://" + u.Host, token: token, http: &http.Client{Transport: transport}}, nil
}

// isBase tells whether a URL leads to a host and not to a place on it. A user
// is no part of it: what is secret would end up in messages.
func isBase(u *url.URL) bool {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._:[]%", r)
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && strings.IndexFunc(u.Host, odd) < 0 &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

// Address is where the master is.
func (c *Client) Address() string { return c.base }

// get asks for what is at path.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (v T, err error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	err = c.exchange(ctx, http.MethodGet, path, nil, &v)
	return v, err
}

// post sends an object, or nothing, to path.
func post[T any](ctx context.Context, c *Client, path string, body any) (v T, err error) {
	err = c.exchange(ctx, http.MethodPost, path, body, &v)
	return v, err
}

func (c *Client) exchange(ctx context.Context, method, path string, body, v any) error {
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return away(ctx, c.base, err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: what is at %s does not answer like a master: %w", ErrUnreachable, c.base, err)
	}
	return nil
}

// send makes a request and returns the answer, whose body the caller closes,
// if it is a success.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, content)
	if err != nil {
		return nil, fmt.Errorf("make a request to %s: %w", c.base, err)
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, away(ctx, c.base, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, c.refusal(resp)
	}
	return resp, nil
}

// away is the error of a request that the master has not answered.
func away(ctx context.Context, base string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask the master at %s: %w", base, err)
	}
	return fmt.Errorf("%w at %s: %w", ErrUnreachable, base, cause(err))
}

// cause leaves out what net/http and net say about a request and a connection:
// the address is named already.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}

// refusal reads what a master says that does not do what it was asked.
func (c *Client) refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var f view.Failure
	if err := json.Unmarshal(text, &f); err != nil || f.Error == "" {
		return fmt.Errorf("%w: what is at %s does not answer like a master: %s", ErrUnreachable, c.base, resp.Status)
	}
	return &Error{Status: resp.StatusCode, Message: f.Error, Hint: f.Hint}
}
