// Package post brings notices to programs by HTTP: webhooks, signed, and the
// commit statuses of forges. Where to is written in manifests, so it is not
// trusted: addresses are checked when they are dialled, no redirect is
// followed, no proxy asked, and little of an answer is read.
//
// A commit status is one POST of four fields and a verdict from the answer's
// code; go-github and GitLab's client-go would add 2.7 MB to the program for it,
// and follow redirects, so the forges are spoken to here. It does not know when
// something is tried again.
package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/notify/outcome"
)

const (
	deadline  = 15 * time.Second
	maxAnswer = 2 << 10 // bytes that are read of an answer
	maxPause  = time.Hour
)

// Hosts says where the master may be led.
type Hosts interface {
	CheckHost(host string) error
	CheckAddr(name string, addr netip.Addr) error
}

// Config is what the package needs.
type Config struct {
	Hosts    Hosts
	Deadline time.Duration                               // of one request; default 15 s
	Secret   func(instance, name string) (string, error) // that a manifest names
}

// Poster sends. It is safe for concurrent use.
type Poster struct {
	cfg    Config
	client *http.Client
}

// New makes it.
func New(cfg Config) *Poster {
	if cfg.Deadline == 0 {
		cfg.Deadline = deadline
	}
	p := &Poster{cfg: cfg}
	p.client = &http.Client{
		Transport: &http.Transport{
			DialContext: p.dial, TLSHandshakeTimeout: cfg.Deadline, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

// Close ends idle connections.
func (p *Poster) Close() { p.client.CloseIdleConnections() }

// refused is a place that the operator does not allow.
type refused struct{ error }

// dial connects to a host's first allowed address. The check is made with the
// address that is really connected to, so that no name can be swapped after it.
func (p *Poster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if err := p.cfg.Hosts.CheckHost(host); err != nil {
		return nil, refused{err}
	}
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		name := host
		if _, err := netip.ParseAddr(host); err == nil {
			name = ""
		}
		if err := p.cfg.Hosts.CheckAddr(name, at.Addr()); err != nil {
			return refused{err}
		}
		return nil
	}}
	return d.DialContext(ctx, network, address)
}

// send posts a body and judges the answer.
func (p *Poster) send(ctx context.Context, to string, header http.Header, body []byte, judge func(*answer) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Deadline)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return outcome.Final(bare(err))
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Wright")
	resp, err := p.client.Do(req)
	if no := (refused{}); errors.As(err, &no) {
		return outcome.Final(no.error)
	}
	if err != nil {
		return outcome.Far(fmt.Errorf("reach %s: %w", req.URL.Host, bare(err)))
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // only for the person who reads the error
	return judge(&answer{host: req.URL.Host, status: resp.StatusCode, header: resp.Header, text: content.OneLine(string(text))})
}

// bare leaves out the URL, whose path may be as good as a password.
func bare(err error) error {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// answer is what came back.
type answer struct {
	host   string
	status int
	header http.Header
	text   string
}

func (a *answer) error() error {
	text := a.text
	if text != "" {
		text = ": " + text[:min(len(text), 300)]
	}
	return fmt.Errorf("%s answers %d %s%s", a.host, a.status, http.StatusText(a.status), strings.ToValidUTF8(text, ""))
}

// verdict is the error that an answer of any server stands for; nil is success.
func (a *answer) verdict() error {
	switch {
	case a.status >= 200 && a.status < 300:
		return nil
	case a.status >= 300 && a.status < 400:
		return outcome.Final(fmt.Errorf("%w; redirects are not followed", a.error()))
	case a.status == http.StatusGone:
		return outcome.Final(a.error())
	case a.status == http.StatusTooManyRequests || a.status >= 500:
		return &outcome.Error{Err: a.error(), Far: true, After: a.pause()}
	}
	return &outcome.Error{Err: a.error(), After: a.pause()}
}

// pause is how long the far side wants to be left alone.
func (a *answer) pause() time.Duration {
	seconds, err := strconv.ParseInt(a.header.Get("Retry-After"), 10, 32)
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxPause)
}
