package poll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// maxAnswer bounds what is read of one answer, in bytes: maxRefs of some
// length.
const maxAnswer = 32 << 20

// Git lists the refs of git remotes.
//
// http and https go through go-git, within this process: its requests carry
// the context, dialing and reading included. The other transports of go-git
// do not: git:// dials with net.Dial and ssh with a background context, so
// that a host that swallows packets would hold a goroutine for minutes, and
// file:// runs git-upload-pack anyway. Those, and what go-git cannot read over
// http (SHA-256, dumb servers) or has no credentials for, go through the git
// program, which can be killed and which knows the user's credential helpers
// and ssh configuration.
type Git struct {
	client transport.Transport
	idle   func()
}

var _ Lister = (*Git)(nil)

// NewGit makes a lister. It keeps connections of http open for a while;
// CloseIdleConnections ends them.
func NewGit() *Git {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    20 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
	return &Git{client: githttp.NewClient(&http.Client{Transport: bounded{t}}), idle: t.CloseIdleConnections}
}

// CloseIdleConnections closes the connections that no request uses.
func (g *Git) CloseIdleConnections() { g.idle() }

// List is Lister's. Its errors hold neither users nor passwords of URLs.
func (g *Git) List(ctx context.Context, url string) (map[string]string, error) {
	if !overHTTP(url) {
		return lsRemote(ctx, url)
	}
	refs, err := g.advertised(ctx, url)
	if err == nil || ctx.Err() != nil || !forProgram(err) {
		return refs, cleaned(err)
	}
	byProgram, errProgram := lsRemote(ctx, url)
	if errors.Is(errProgram, errNoProgram) {
		return nil, cleaned(err)
	}
	return byProgram, errProgram
}

// overHTTP tells whether go-git takes the URL; it does not keep escapes in paths.
func overHTTP(url string) bool {
	scheme, rest, _ := strings.Cut(url, "://")
	return (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) && !strings.Contains(rest, "%")
}

// forProgram tells whether the git program may succeed where go-git failed.
func forProgram(err error) bool {
	var unexpected *packp.ErrUnexpectedData
	return errors.As(err, &unexpected) || errors.Is(err, pktline.ErrInvalidPktLen) || errors.Is(err, packp.ErrEmptyInput) ||
		errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed) ||
		errors.Is(err, transport.ErrRepositoryNotFound)
}

// advertised asks by smart HTTP. A parser that panics on what a stranger sent
// must not take the master along.
func (g *Git) advertised(ctx context.Context, url string) (refs map[string]string, err error) {
	defer func() {
		if r := recover(); r != nil {
			refs, err = nil, fmt.Errorf("the answer cannot be read: %v", r)
		}
	}()
	endpoint, err := transport.NewEndpoint(strings.TrimRight(url, "/"))
	if err != nil {
		return nil, fmt.Errorf("read the URL: %w", err)
	}
	session, err := g.client.NewUploadPackSession(endpoint, nil)
	if err != nil {
		return nil, fmt.Errorf("begin a session: %w", err)
	}
	defer func() { _ = session.Close() }() // nothing is written
	ar, err := session.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask for refs: %w", err)
	}
	return flatten(ar)
}

func flatten(ar *packp.AdvRefs) (map[string]string, error) {
	if n := len(ar.References); n > maxRefs {
		return nil, fmt.Errorf("the remote has %d refs, more than %d", n, maxRefs)
	}
	refs := make(map[string]string, len(ar.References)+1)
	for name, hash := range ar.References {
		refs[name] = hash.String()
	}
	for name, hash := range ar.Peeled {
		refs[name] = hash.String()
	}
	if ar.Head != nil && *ar.Head != plumbing.ZeroHash {
		refs["HEAD"] = ar.Head.String()
	}
	return refs, nil
}

// bounded cuts off answers that are too long.
type bounded struct{ next http.RoundTripper }

// RoundTrip is http.RoundTripper's.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err == nil {
		limit := int64(maxAnswer)
		if resp.StatusCode >= http.StatusBadRequest {
			limit = 4 << 10 // go-git reads all of it into an error
			resp.Body = cutBody{io.LimitReader(resp.Body, limit), resp.Body}
		} else {
			resp.Body = &limitedBody{ReadCloser: resp.Body, left: limit}
		}
	}
	return resp, err
}

// cutBody ends early without an error.
type cutBody struct {
	io.Reader
	io.Closer
}

// limitedBody fails beyond its limit.
type limitedBody struct {
	io.ReadCloser
	left int64
}

// Read is io.Reader's.
func (l *limitedBody) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.ReadCloser.Read(p)
	l.left -= int64(n)
	return n, err
}
