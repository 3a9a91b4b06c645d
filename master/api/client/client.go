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
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
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

// Client talks to one installation, by whichever of its masters answers. It is
// safe for concurrent use.
type Client struct {
	bases []string
	turn  atomic.Int64 // which of bases answered last
	token string
	http  *http.Client
}

const (
	maxAnswer     = 256 << 20        // bytes of a JSON answer
	headerTimeout = 90 * time.Second // longer than the server waits for anything
	patience      = 10 * time.Second // with masters that are about to find a leader
	dialTimeout   = 5 * time.Second  // to one of several masters
)

// New makes a client of the master at address, such as "http://localhost:8080"
// or "localhost:8080", or of several masters of one installation with commas
// between them. The token may be "".
func New(address, token string) (*Client, error) {
	c := &Client{token: token}
	for one := range strings.SplitSeq(address, ",") {
		if one = strings.TrimSpace(one); !strings.Contains(one, "://") {
			one = "http://" + one
		}
		u, err := url.Parse(one)
		if err != nil || !isBase(u) {
			return nil, errors.New("the address of a master is http://HOST:PORT") // what was given may hold a secret
		}
		c.bases = append(c.bases, u.Scheme+"://"+u.Host)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = headerTimeout
	transport.Proxy = nil // a master is a neighbour; its name may mean nothing to a proxy
	transport.DisableCompression = true
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext // then the next one is asked
	c.http = &http.Client{Transport: transport}
	return c, nil
}

// Close lets go of the connections that wait for another question; for who makes
// many clients. One that is closed may still be used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// isBase tells whether a URL leads to a host and not to a place on it. A user
// is no part of it: what is secret would end up in messages.
func isBase(u *url.URL) bool {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._:[]%", r)
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && strings.IndexFunc(u.Host, odd) < 0 &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

// Address is where the masters are.
func (c *Client) Address() string { return strings.Join(c.bases, ",") }

// base is where the next request goes.
func (c *Client) base() string { return c.bases[c.turn.Load()%int64(len(c.bases))] }

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
		return away(ctx, c.base(), err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: what is at %s does not answer like a master: %w", ErrUnreachable, c.base(), err)
	}
	return nil
}

// send makes a request and returns the answer, whose body the caller closes, if
// it is a success. What no master has begun with goes to the next one, or waits
// until one leads.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
	}
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for late := time.Now().Add(patience); ; {
		resp, err := c.sendRound(ctx, method, path, content)
		if err != nil {
			return nil, away(ctx, c.base(), err)
		}
		if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
			return resp, nil
		}
		err = c.refusal(resp)
		_ = resp.Body.Close()
		if leaderless := resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != ""; !leaderless || time.Now().After(late) {
			return nil, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// sendRound tries one master after the other until one can be connected to.
func (c *Client) sendRound(ctx context.Context, method, path string, content []byte) (resp *http.Response, err error) {
	for range c.bases {
		resp, err = c.sendOnce(ctx, method, path, content)
		var failed *net.OpError
		if !errors.As(err, &failed) || failed.Op != "dial" {
			return resp, err
		}
		c.turn.Add(1)
	}
	return resp, err
}

func (c *Client) sendOnce(ctx context.Context, method, path string, content []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base()+"/api/v1"+path, bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("make a request to %s: %w", c.base(), err)
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(req)
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
		return fmt.Errorf("%w: what is at %s does not answer like a master: %s", ErrUnreachable, c.base(), resp.Status)
	}
	return &Error{Status: resp.StatusCode, Message: f.Error, Hint: f.Hint}
}
