package ask

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxRedirects is how often a remote may send the question elsewhere.
const maxRedirects = 5

// transport keeps connections to some hosts. One that is not for trusted
// remotes connects only to what the policy allows, and so never to a proxy.
func (a *Asker) transport(trusted bool) *http.Transport {
	t := &http.Transport{
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           500,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    20 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return a.dial(ctx, trusted, host, port)
		},
	}
	if trusted {
		t.Proxy = func(req *http.Request) (*url.URL, error) { return a.proxy(req) }
	}
	return t
}

// courier carries the requests of one question.
type courier struct {
	a    *Asker
	host string // trusted; what it sends us to is not. "" trusts nobody
}

// RoundTrip is http.RoundTripper's. Through a proxy of the environment the
// policy sees the host's name, and the addresses that the name has here; which
// one the proxy connects to is the proxy's matter.
func (c courier) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Hostname()
	if c.host != "" && strings.EqualFold(req.URL.Host, c.host) {
		return c.a.open.RoundTrip(req)
	}
	if err := c.a.hosts.CheckHost(host); err != nil {
		return nil, err
	}
	if proxy, err := c.a.proxy(req); err != nil || proxy == nil {
		return c.a.guarded.RoundTrip(req)
	}
	if _, err := c.a.lookUp(req.Context(), host, true); err != nil {
		return nil, err
	}
	return c.a.open.RoundTrip(req)
}

func (a *Asker) client(q question) *http.Client {
	c := courier{a: a}
	if u, err := url.Parse(q.URL); err == nil && q.Trusted {
		c.host = u.Host
	}
	return &http.Client{Transport: c, CheckRedirect: checkRedirect}
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case req.URL.Scheme != "https" && (req.URL.Scheme != "http" || via[0].URL.Scheme == "https"):
		return errors.New("a redirect leads to another scheme")
	case req.URL.User != nil:
		return errors.New("a redirect holds a user")
	}
	return nil
}

// overHTTP asks a git server, or a web server with the files of a repository.
// What wants a login is left to the git program, if the configuration has none:
// the user's credential helpers may.
func (a *Asker) overHTTP(ctx context.Context, q question) (Answer, error) {
	w := web{client: a.client(q), q: q, style: a.styles.of(q.URL), styles: &a.styles}
	if w.style.filtered {
		answer, err := w.filtered(ctx)
		if err == nil || ctx.Err() != nil {
			return answer, err
		}
		w.style.filtered = false
		a.styles.set(q.URL, style{tried: time.Now()})
	}
	answer, err := w.advertised(ctx)
	if err == nil || ctx.Err() != nil || !errors.Is(err, errDenied) || q.login.Password != "" {
		return answer, err
	}
	byProgram, errProgram := a.byProgram(ctx, q)
	if errors.Is(errProgram, errNoProgram) {
		return Answer{}, err
	}
	return byProgram, errProgram
}

// errDenied means that the remote wants another login, or hides.
var errDenied = errors.New("access denied")

// web is one question over http.
type web struct {
	client *http.Client
	q      question
	style  style
	styles *styles
}

// advertised asks for all refs.
func (w web) advertised(ctx context.Context) (Answer, error) {
	base, err := url.Parse(w.q.URL)
	if err != nil {
		return Answer{}, errors.New("the URL cannot be read")
	}
	base.User, base.Path, base.RawPath = nil, strings.TrimRight(base.Path, "/"), strings.TrimRight(base.RawPath, "/")
	resp, err := w.do(ctx, http.MethodGet, base.String()+"/info/refs?service=git-upload-pack", nil)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.Header.Get("Content-Type") != "application/x-git-upload-pack-advertisement" {
		return w.dumb(ctx, base, resp.Body)
	}
	p := newPackets(resp.Body)
	found, version2, err := readAdvert(p, w.q.wanted)
	if err == nil && version2 {
		err = errNotGit // it was not asked for
	}
	if err != nil {
		return Answer{}, fmt.Errorf("ask for refs: %w", err)
	}
	drain(resp)
	if found.read > many && len(w.q.Refs) <= maxFilter && time.Since(w.style.tried) > again {
		w.remember(base, resp.Request.URL, found.format)
	}
	return found.Answer, nil
}

// dumb reads the list of refs that a web server without git has: git
// update-server-info writes it. HEAD is a file beside it.
func (w web) dumb(ctx context.Context, base *url.URL, list io.Reader) (Answer, error) {
	answer, err := readRefs(io.LimitReader(list, maxAnswer), w.q.wanted)
	if err != nil {
		return Answer{}, errNotGit
	}
	resp, err := w.do(ctx, http.MethodGet, base.String()+"/HEAD", nil)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	head, err := io.ReadAll(io.LimitReader(resp.Body, maxLine))
	if err != nil || !w.q.wanted["HEAD"] {
		return answer, err
	}
	target, symbolic := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/")
	if !symbolic {
		answer.Refs["HEAD"] = target // which List checks
		return answer, nil
	}
	answer.Head = "refs/" + target
	return w.headOf(ctx, answer)
}

// headOf asks once more, for the branch that HEAD leads to.
func (w web) headOf(ctx context.Context, answer Answer) (Answer, error) {
	w.q.wanted = wanted([]string{answer.Head})
	branch, err := w.advertised(ctx)
	if revision := branch.Refs[answer.Head]; err == nil && revision != "" {
		answer.Refs["HEAD"] = revision
	}
	return answer, err
}

// remember has the next question be about the wanted refs only, unless another
// host answered this one: a login is for the first.
func (w web) remember(base, at *url.URL, format string) {
	if at.Host == base.Host {
		at.RawQuery = ""
		w.styles.set(w.q.URL, style{filtered: true, base: strings.TrimSuffix(at.String(), "/info/refs"), format: format})
	}
}

// filtered asks for the wanted refs only, by protocol 2, in one request.
func (w web) filtered(ctx context.Context) (Answer, error) {
	resp, err := w.do(ctx, http.MethodPost, w.style.base+"/git-upload-pack", lsRefs(w.q.Refs, w.style.format))
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.Header.Get("Content-Type") != "application/x-git-upload-pack-result" {
		return Answer{}, errNotGit
	}
	found := newAdvert(w.q.wanted)
	if err := found.readRefs2(newPackets(resp.Body)); err != nil {
		return Answer{}, err
	}
	drain(resp)
	return found.Answer, nil
}

func (w web) do(ctx context.Context, method, address string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	req.Header.Set("User-Agent", "git/wright") // some forges answer only to git
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	}
	if method == http.MethodPost || w.q.version2 {
		req.Header.Set("Git-Protocol", "version=2")
	}
	return send(w.client, req, w.q)
}

// send makes a request with the login of the question, if there is one, and
// returns only answers that are good. The caller closes the body.
func send(client *http.Client, req *http.Request, q question) (*http.Response, error) {
	if q.login.Password != "" {
		user := q.login.User
		if user == "" {
			user = q.user
		}
		req.SetBasicAuth(user, q.login.Password)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	drain(resp)
	_ = resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		if q.login.Password != "" {
			return nil, fmt.Errorf("the remote answers %s to the credential for it", resp.Status)
		}
		return nil, fmt.Errorf("%w: the remote answers %s", errDenied, resp.Status)
	}
	return nil, fmt.Errorf("the remote answers %s", resp.Status)
}

// drain reads the little that may be left, so that the connection can be used
// again.
func drain(resp *http.Response) { _, _ = io.CopyN(io.Discard, resp.Body, 4<<10) }
