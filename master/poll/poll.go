// Package poll asks each watched remote for its refs, once per interval and at
// once when a watch is new, and writes down what moved: it is one of the only
// writers of state.Ref.
//
// It does not know what a movement means to an instance, whether a build
// follows, or which instances want a remote; one request answers all of them.
// What it knows beyond the facts (when a remote was asked, what it said
// wrong) is in memory only.
package poll

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// Lister asks one remote for its refs. It must come back when ctx ends.
type Lister interface {
	// List returns the revision of every ref, by full name and without peeled
	// ("^{}") names: an annotated tag has the revision it leads to. The key
	// "HEAD" is there if the remote's HEAD leads to a revision. An empty
	// repository has no refs, which is no error.
	List(ctx context.Context, url string) (map[string]string, error)
}

// Config is how remotes are asked. The zero value means the defaults.
type Config struct {
	Interval    time.Duration // between two requests to one remote, ±10 %; default 60 s
	Timeout     time.Duration // of one request; default 30 s
	Concurrency int           // requests at once, those that are slow not counted; default 32
	Lister      Lister        // default NewGit()
}

func (c Config) withDefaults() Config {
	if c.Interval <= 0 {
		c.Interval = time.Minute
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Concurrency <= 0 {
		c.Concurrency = 32
	}
	if c.Lister == nil {
		c.Lister = NewGit()
	}
	return c
}

// Status is how the last request to a remote went.
type Status struct {
	CheckedAt time.Time // when the answer, or its failure, was there; zero: not asked yet
	Error     string    // "" is none; holds no secrets
}

// maxUrged bounds how many remotes wait for Run to take up CheckNow.
const maxUrged = 10000

// Poller asks remotes. Its methods are safe for concurrent use.
type Poller struct {
	st   *store.Store
	cfg  Config
	log  *slog.Logger
	wake chan struct{} // urged has something new

	mu     sync.Mutex // guards all below
	status map[watchlist.RemoteKey]Status
	urged  map[watchlist.RemoteKey]bool
}

// New makes a poller. The store's facts must be loaded before Run.
func New(st *store.Store, cfg Config, log *slog.Logger) *Poller {
	return &Poller{
		st: st, cfg: cfg.withDefaults(), log: log, wake: make(chan struct{}, 1),
		status: map[watchlist.RemoteKey]Status{}, urged: map[watchlist.RemoteKey]bool{},
	}
}

// Run asks remotes until ctx ends, and waits for every request it began.
func (p *Poller) Run(ctx context.Context) error {
	l := newLoop(p)
	defer l.close()
	return l.run(ctx)
}

// Status tells how the last request to a remote went, whichever spelling of
// its URL is given.
func (p *Poller) Status(vcs, url string) Status {
	key := watchlist.KeyOf(vcs, url)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status[key]
}

// CheckNow has git remotes asked at once, because a person or a hook says that
// something moved. URLs that nobody watches are ignored.
func (p *Poller) CheckNow(urls ...string) {
	p.mu.Lock()
	for _, url := range urls {
		if len(p.urged) < maxUrged {
			p.urged[watchlist.KeyOf("git", url)] = true
		}
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// takeUrged returns what CheckNow was called for since the last time.
func (p *Poller) takeUrged() map[watchlist.RemoteKey]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	urged := p.urged
	p.urged = map[watchlist.RemoteKey]bool{}
	return urged
}

// setStatus notes how a request went and returns how the one before did.
func (p *Poller) setStatus(key watchlist.RemoteKey, s Status) (before Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before = p.status[key]
	p.status[key] = s
	return before
}

func (p *Poller) forget(key watchlist.RemoteKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.status, key)
}

// jitter spreads what would happen at the same time: 0.9 to 1.1.
func jitter() float64 { return 0.9 + 0.2*rand.Float64() }
