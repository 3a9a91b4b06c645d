package repos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/wright-build/wright/manifests"
)

// maxPack bounds one answer of a server, in bytes.
const maxPack = 1 << 30

// overHTTP speaks to a smart server within this process. What go-git cannot
// read, or has no login for, is left to the git program.
type overHTTP struct {
	what    manifests.Repo
	clone   clone
	logins  Logins
	client  transport.Transport
	program program
}

func newOverHTTP(what manifests.Repo, c clone, logins Logins, p program) *overHTTP {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 20 * time.Second, MaxResponseHeaderBytes: 256 << 10,
	}
	return &overHTTP{what: what, clone: c, logins: logins, client: githttp.NewClient(&http.Client{Transport: bounded{t}}), program: p}
}

func (h *overHTTP) tip(ctx context.Context) (tip string, err error) {
	err = h.attempt(ctx, func(s transport.UploadPackSession, ar *packp.AdvRefs) error {
		tip, err = refsOf(ar).tip(h.what.Branch)
		return err
	})
	if forProgram(err) && ctx.Err() == nil {
		if byProgram, err2 := h.program.tip(ctx); !errors.Is(err2, errNoProgram) {
			return byProgram, err2
		}
	}
	return tip, err
}

func (h *overHTTP) fetch(ctx context.Context, tip string) (string, error) {
	err := h.attempt(ctx, func(s transport.UploadPackSession, ar *packp.AdvRefs) error {
		now, err := refsOf(ar).tip(h.what.Branch)
		if err != nil {
			return err
		}
		tip = now
		return h.pull(ctx, s, ar, plumbing.NewHash(now))
	})
	if forProgram(err) && ctx.Err() == nil {
		if byProgram, err2 := h.program.fetch(ctx, tip); !errors.Is(err2, errNoProgram) {
			return byProgram, err2
		}
	}
	return tip, err
}

// attempt opens a session and asks for the refs. A parser that panics on what a
// stranger sent must not take the master along.
func (h *overHTTP) attempt(ctx context.Context, do func(transport.UploadPackSession, *packp.AdvRefs) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the answer cannot be read: %v", r)
		}
	}()
	l, err := login(h.logins, h.what.URL)
	if err != nil {
		return err
	}
	endpoint, err := transport.NewEndpoint(strings.TrimRight(h.what.URL, "/"))
	if err != nil {
		return fmt.Errorf("read the URL: %w", err)
	}
	var auth transport.AuthMethod
	if l.Password != "" {
		auth = &githttp.BasicAuth{Username: cmp.Or(l.User, endpoint.User, "x-access-token"), Password: l.Password}
	}
	session, err := h.client.NewUploadPackSession(endpoint, auth)
	if err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	defer func() { _ = session.Close() }() // nothing is written
	ar, err := session.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return do(session, packp.NewAdvRefs())
	}
	if err != nil {
		return fmt.Errorf("ask for the refs: %w", wrapLogin(err, l))
	}
	return do(session, ar)
}

// errRefused is a login that the remote does not take: nobody else can do better.
var errRefused = errors.New("the remote refuses the login of the configuration")

func wrapLogin(err error, l Login) error {
	if l.Password != "" && (errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed)) {
		return errRefused
	}
	return err
}

// forProgram tells whether the git program may succeed where go-git failed.
func forProgram(err error) bool {
	var unexpected *packp.ErrUnexpectedData
	return errors.As(err, &unexpected) || errors.Is(err, pktline.ErrInvalidPktLen) || errors.Is(err, packp.ErrEmptyInput) ||
		errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed) ||
		errors.Is(err, transport.ErrRepositoryNotFound)
}

func refsOf(ar *packp.AdvRefs) refs {
	r := refs{byName: map[string]string{}}
	for name, hash := range ar.References {
		r.byName[name] = hash.String()
	}
	if ar.Head != nil && !ar.Head.IsZero() {
		r.byName["HEAD"] = ar.Head.String()
	}
	for _, s := range ar.Capabilities.Get(capability.SymRef) {
		if branch, ok := strings.CutPrefix(s, "HEAD:refs/heads/"); ok {
			r.head = branch
		}
	}
	return r
}

// pull gets the commits that the clone lacks: of a new one only the last.
func (h *overHTTP) pull(ctx context.Context, s transport.UploadPackSession, ar *packp.AdvRefs, tip plumbing.Hash) error {
	repo, err := h.clone.open()
	if err != nil {
		return err
	}
	req := packp.NewUploadPackRequestFromCapabilities(ar.Capabilities)
	req.Wants = []plumbing.Hash{tip}
	shallow := ar.Capabilities.Supports(capability.Shallow)
	if have, err := repo.Reference(tipRef, false); err == nil {
		req.Haves = []plumbing.Hash{have.Hash()}
		if req.Shallows, err = repo.Storer.Shallow(); err != nil {
			return fmt.Errorf("read the clone: %w", err)
		}
	} else if shallow {
		req.Depth = packp.DepthCommits(1)
	}
	if shallow {
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return err
		}
	}
	answer, err := s.UploadPack(ctx, req)
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	defer func() { _ = answer.Close() }() // it is read
	if err := packfile.UpdateObjectStorage(repo.Storer, demultiplexed(req.Capabilities, answer)); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	if len(answer.Shallows) > 0 {
		if err := repo.Storer.SetShallow(answer.Shallows); err != nil {
			return fmt.Errorf("write the clone: %w", err)
		}
	}
	return repo.Storer.SetReference(plumbing.NewHashReference(tipRef, tip))
}

// demultiplexed is the pack in an answer.
func demultiplexed(l *capability.List, r io.Reader) io.Reader {
	switch {
	case l.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, r)
	case l.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, r)
	}
	return r
}

// bounded cuts off answers that are too long.
type bounded struct{ next http.RoundTripper }

// RoundTrip is http.RoundTripper's.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := int64(maxPack)
	if resp.StatusCode >= http.StatusBadRequest {
		limit = 4 << 10 // go-git reads all of it into an error
	}
	resp.Body = body{io.LimitReader(resp.Body, limit), resp.Body}
	return resp, nil
}

// body ends early.
type body struct {
	io.Reader
	io.Closer
}
