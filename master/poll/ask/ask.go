// Package ask asks one remote which revisions its refs have, by whichever way
// its URL leads to it: within this process over git://, http, https, ssh with a
// key of the configuration and Mercurial's protocol; with the git, hg and ssh
// programs of the user for the rest.
//
// It keeps to the operator's policy of hosts where nobody but a build named the
// remote. It does not know when a remote is asked, who wants to know, or what
// was answered before: between two questions it keeps connections, and how a
// remote wants to be spoken to.
package ask

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/master/watchlist"
)

const (
	maxRefs   = 200_000  // of one remote
	maxAnswer = 32 << 20 // bytes of one answer: maxRefs of some length
	maxLine   = 16 << 10 // bytes of one line of a program's answer
)

// Remote is a repository to be asked.
type Remote struct {
	VCS     string   // "git" or "hg"
	URL     string   // as of manifests.CheckURL
	Refs    []string // full names, and "HEAD"
	Trusted bool     // named by people, not only by a build: the policy of hosts does not bind it
}

// Answer is what a remote says of the refs asked for.
type Answer struct {
	Refs map[string]string // revisions by name, without those that do not exist; of an annotated tag where it leads to
	Head string            // the ref that HEAD leads to; "" is unknown
}

// Login is what a remote is opened with.
type Login struct {
	User, Password string
	Key            []byte // private key for ssh, in PEM
	KnownHosts     string // file with the keys of ssh hosts; "" is the user's own
}

// Logins finds the login for a URL; the zero Login if there is none.
type Logins interface {
	For(url string) (Login, error)
}

// Config is how remotes are asked. The zero value is fine.
type Config struct {
	Hosts  watchlist.Hosts
	Logins Logins // nil: none
}

// Asker asks remotes. It is safe for concurrent use.
type Asker struct {
	hosts  watchlist.Hosts
	logins Logins

	open, guarded *http.Transport // for those that are trusted, and not
	proxy         func(*http.Request) (*url.URL, error)
	ssh           *sshPool
	styles        styles
	programs      chan struct{} // full when enough of them run
}

// maxPrograms is how many programs run at once: those that hang cost memory.
const maxPrograms = 100

// New makes an asker. CloseIdleConnections ends what it keeps.
func New(cfg Config) *Asker {
	a := &Asker{hosts: cfg.Hosts, logins: cfg.Logins, programs: make(chan struct{}, maxPrograms)}
	a.proxy = http.ProxyFromEnvironment
	a.open, a.guarded = a.transport(true), a.transport(false)
	a.ssh = newSSHPool(a)
	return a
}

// CloseIdleConnections closes the connections that no request uses.
func (a *Asker) CloseIdleConnections() {
	a.open.CloseIdleConnections()
	a.guarded.CloseIdleConnections()
	a.ssh.closeIdle()
}

// List asks a remote. It comes back soon after ctx ends. Its errors hold
// neither users nor passwords.
func (a *Asker) List(ctx context.Context, r Remote) (Answer, error) {
	answer, err := a.list(ctx, r)
	if err != nil {
		return Answer{}, cleaned(err)
	}
	if err := check(answer); err != nil {
		return Answer{}, err
	}
	return answer, nil
}

func (a *Asker) list(ctx context.Context, r Remote) (Answer, error) {
	q, err := a.question(r)
	if err != nil {
		return Answer{}, err
	}
	if r.VCS == "hg" {
		return a.askHg(ctx, q)
	}
	return a.askGit(ctx, q)
}

// question finds out where a remote is, whether it may be asked, and as whom.
func (a *Asker) question(r Remote) (question, error) {
	at, err := parsePlace(r.URL)
	if err != nil {
		return question{}, err
	}
	if !r.Trusted && at.host != "" {
		if err := a.hosts.CheckHost(at.host); err != nil {
			return question{}, err
		}
	}
	login, err := a.login(r.URL)
	if err != nil {
		return question{}, err
	}
	return question{Remote: r, place: at, login: login, wanted: wanted(r.Refs)}, nil
}

func (a *Asker) login(url string) (Login, error) {
	if a.logins == nil {
		return Login{}, nil
	}
	l, err := a.logins.For(url)
	if err != nil {
		return Login{}, fmt.Errorf("find the credential: %w", err)
	}
	return l, nil
}

// question is a remote with all that is needed to ask it.
type question struct {
	Remote
	place
	login  Login
	wanted map[string]bool

	version2 bool // only protocol 2 will do
}

func wanted(refs []string) map[string]bool {
	all := make(map[string]bool, len(refs))
	for _, ref := range refs {
		all[ref] = true
	}
	return all
}

func (a *Asker) askGit(ctx context.Context, q question) (Answer, error) {
	switch {
	case q.scheme == "git":
		return a.overTCP(ctx, q)
	case q.scheme == "http" || q.scheme == "https":
		return a.overHTTP(ctx, q)
	case q.scheme == "ssh" && len(q.login.Key) > 0:
		return a.overSSH(ctx, q)
	}
	return a.byProgram(ctx, q)
}

// check says what is wrong with what a stranger answered.
func check(answer Answer) error {
	for ref, revision := range answer.Refs {
		if !isRevision(revision) {
			return fmt.Errorf("the remote's answer for %s is no revision", ref)
		}
	}
	return nil
}

// isRevision tells whether s is a whole commit ID, SHA-1 or SHA-256.
func isRevision(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == "" && strings.Trim(s, "0") != ""
}

// errNotGit means that something else answered.
var errNotGit = errors.New("the answer is not one of a git server")

// styles remembers how remotes want to be asked, by URL.
type styles struct {
	mu  sync.Mutex // guards all below
	all map[string]style
}

// style is how a remote wants to be asked.
type style struct {
	filtered bool   // it has many refs: let it send only those that are wanted
	base     string // over http: where it was found, behind redirects
	format   string // of its revisions; "" is sha1
	tried    time.Time
}

// maxStyles bounds how many remotes' ways are remembered.
const maxStyles = 20_000

// again is after which time a remote is tried once more that could not filter.
const again = 24 * time.Hour

func (s *styles) of(url string) style {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[url]
}

func (s *styles) set(url string, to style) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil || len(s.all) >= maxStyles {
		s.all = map[string]style{}
	}
	s.all[url] = to
}
