package ask

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/wright-build/wright/master/poll/ask/trees"
)

// Comparison is what a movement changed.
type Comparison struct {
	Message string   // of the newest commit
	Paths   []string // files that are not the same before and after; only if before was given
	Unknown string   // why Paths is not known; "" if it is
}

// Commits are two of a git repository, one after the other.
type Commits struct {
	Before string // "": not known, or there was none
	After  string
	Paths  bool // the files that differ are of interest, not only the newest one's message
}

// Compare fetches two commits and their trees, without the contents of files,
// and says what changed from one to the other; or only what the newest one says.
// A commit that the remote has no more, or that nobody may ask for, is one of
// which the change is not known.
func (a *Asker) Compare(ctx context.Context, r Remote, of Commits) (Comparison, error) {
	c, err := a.compare(ctx, r, of)
	c.Unknown = Clean(c.Unknown)
	if err != nil {
		return Comparison{}, cleaned(err)
	}
	return c, nil
}

func (a *Asker) compare(ctx context.Context, r Remote, of Commits) (c Comparison, err error) {
	if r.VCS != "git" || !isRevision(of.After) || of.Before != "" && (!isRevision(of.Before) || len(of.Before) != len(of.After)) {
		return c, errors.New("only commits of git can be compared")
	}
	q, err := a.question(r)
	if err != nil {
		return c, err
	}
	q.version2 = true
	if of.Paths && of.Before != "" {
		all, err := a.fetch(ctx, q, order{wants: []string{of.After, of.Before}, filter: "blob:none"})
		if err == nil {
			c.Paths, err = all.Changed(of.Before, of.After)
		}
		if err == nil {
			c.Message, err = all.Message(of.After)
			return c, err
		}
		if ctx.Err() != nil {
			return c, err
		}
		c.Unknown = err.Error()
	}
	all, err := a.fetch(ctx, q, order{wants: []string{of.After}, filter: "tree:0", has: of.Before})
	if err != nil {
		return c, err
	}
	c.Message, err = all.Message(of.After)
	return c, err
}

func (a *Asker) fetch(ctx context.Context, q question, o order) (trees.Objects, error) {
	switch {
	case q.scheme == "git":
		return a.fetchTCP(ctx, q, o)
	case q.scheme == "http" || q.scheme == "https":
		return fetchHTTP(ctx, web{client: a.client(q), q: q, styles: &a.styles}, o)
	case q.scheme == "ssh" && len(q.login.Key) > 0:
		var all trees.Objects
		err := a.ssh.run(ctx, q, "git-upload-pack "+quote(q.path), func(rw io.ReadWriter) (err error) {
			all, err = fetchOver(rw, o)
			return err
		})
		return all, err
	}
	return a.fetchByProgram(ctx, q, o)
}

func (a *Asker) fetchTCP(ctx context.Context, q question, o order) (trees.Objects, error) {
	conn, err := a.dial(ctx, q.Trusted, q.host, q.port)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	defer until(ctx, conn)()
	if _, err := conn.Write(hello(q, true)); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return fetchOver(conn, o)
}

// fetchOver fetches over a connection.
func fetchOver(rw io.ReadWriter, o order) (trees.Objects, error) {
	p := newPackets(rw)
	found, version2, err := readAdvert(p, nil)
	if err != nil {
		return nil, err
	}
	if _, err := rw.Write(o.request(found, version2)); err != nil {
		return nil, fmt.Errorf("ask for commits: %w", err)
	}
	return o.read(p)
}

// fetchHTTP fetches over http: first it asks what the remote can do.
func fetchHTTP(ctx context.Context, w web, o order) (trees.Objects, error) {
	base, err := url.Parse(w.q.URL)
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	base.User, base.Path, base.RawPath = nil, strings.TrimRight(base.Path, "/"), strings.TrimRight(base.RawPath, "/")
	resp, err := w.do(ctx, http.MethodGet, base.String()+"/info/refs?service=git-upload-pack", nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	found, version2, err := readAdvert(newPackets(resp.Body), nil)
	at := resp.Request.URL
	switch {
	case err != nil:
		return nil, err
	case at.Host != base.Host && w.q.login.Password != "":
		return nil, errors.New("the remote leads to another host, which the credential is not for")
	}
	drain(resp)
	at.RawQuery = ""
	answer, err := w.do(ctx, http.MethodPost, strings.TrimSuffix(at.String(), "/info/refs")+"/git-upload-pack", o.request(found, version2))
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	return o.read(newPackets(answer.Body))
}
