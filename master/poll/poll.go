// Package poll asks each watched remote for its refs, once per interval and at
// once when a watch is new, and writes down what moved; what hooks are told it
// writes down as if it had found it. It is the only writer of state.Ref.
//
// It does not know what a movement means to an instance, whether a build
// follows, or which instances want a remote; one request answers all of them.
// What it knows beyond the facts (when a remote was asked, what it said
// wrong, whether hooks tell of it) is in memory only. How a remote is asked is
// the business of package ask.
package poll

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/poll/ask"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// Lister asks one remote for its refs. It must come back when ctx ends.
type Lister interface {
	List(ctx context.Context, r ask.Remote) (ask.Answer, error)
}

// Config is how remotes are asked. The zero value means the defaults.
type Config struct {
	Interval    time.Duration       // between two requests to a remote that moves, at most 10 % less; default 60 s
	MaxInterval time.Duration       // to one that rests or whose hooks are reliable; 0: as Interval, and ten times that
	Timeout     time.Duration       // of one request; default 30 s
	Concurrency int                 // requests at once, those that are slow not counted; default 32, or PerHost if that is more
	PerHost     int                 // of them to one host; default 8
	Rewrites    []manifests.Rewrite // of URLs, for asking only; the first that fits counts
	Hosts       watchlist.Hosts     // where remotes may be that no manifest names
	Logins      ask.Logins          // default none
	Lister      Lister              // default one with Hosts and Logins
}

func (c Config) withDefaults() Config {
	if c.Interval <= 0 {
		c.Interval = time.Minute
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.PerHost <= 0 {
		c.PerHost = 8
	}
	if c.Concurrency <= 0 {
		c.Concurrency = max(32, c.PerHost)
	}
	if c.Lister == nil {
		c.Lister = ask.New(ask.Config{Hosts: c.Hosts, Logins: c.Logins})
	}
	return c
}

// Status is how the last request to a remote went.
type Status struct {
	CheckedAt time.Time // when the answer, or its failure, was there; zero: not asked yet
	Error     string    // "" is none; holds no secrets
	Head      string    // the ref that HEAD leads to; "" is unknown
}

// maxNews bounds the remotes of which news wait for Run to take them up.
const maxNews = 10000

// Poller asks remotes. Its methods are safe for concurrent use.
type Poller struct {
	st   *store.Store
	cfg  Config
	log  *slog.Logger
	wake chan struct{} // there are news

	mu       sync.Mutex // guards all below
	status   map[watchlist.RemoteKey]Status
	watching map[watchlist.RemoteKey][]watched // sorted by ref; the slices do not change
	news     map[watchlist.RemoteKey]news
	looks    []lookNews
	looked   int64 // looks that there were
}

// news is what others know of a remote.
type news struct {
	urgent bool                // it is to be asked at once
	told   map[string]Movement // by ref: the last of which hooks say
	steps  int                 // movements that hooks told of and that are written down
}

// New makes a poller. The store's facts must be loaded before Run.
func New(st *store.Store, cfg Config, log *slog.Logger) *Poller {
	return &Poller{
		st: st, cfg: cfg.withDefaults(), log: log, wake: make(chan struct{}, 1),
		status: map[watchlist.RemoteKey]Status{}, watching: map[watchlist.RemoteKey][]watched{},
		news: map[watchlist.RemoteKey]news{},
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

// CheckNow has remotes asked at once, because a person says that something
// moved. URLs that nobody watches are ignored.
func (p *Poller) CheckNow(urls ...string) {
	for _, url := range urls {
		for _, vcs := range []string{"git", "hg"} {
			if key := watchlist.KeyOf(vcs, url); vcs == "git" || p.isWatched(key) {
				p.tell(key, func(n *news) { n.urgent = true })
			}
		}
	}
}

func (p *Poller) isWatched(key watchlist.RemoteKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watching[key] != nil
}

// Told has a remote asked at once of which a hook says that a ref moved. If
// hooks always tell before a question finds a movement, questions become rare.
func (p *Poller) Told(m Movement) {
	key := watchlist.KeyOf(m.VCS, m.URL)
	if _, ok := p.watched(key, m.Ref); !ok {
		m.Said = nil // nobody will want to know
	}
	p.tell(key, func(n *news) { n.urgent = true; n.hear(m) })
}

func (n *news) hear(m Movement) {
	if n.told == nil {
		n.told = map[string]Movement{}
	}
	n.told[m.Ref] = m
}

// tell leaves news of a remote; of one that is not watched Run ignores them.
func (p *Poller) tell(key watchlist.RemoteKey, add func(*news)) {
	p.mu.Lock()
	n, known := p.news[key]
	if known || len(p.news) < maxNews {
		add(&n)
		p.news[key] = n
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// takeNews returns what is new since the last time.
func (p *Poller) takeNews() map[watchlist.RemoteKey]news {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.news
	p.news = map[watchlist.RemoteKey]news{}
	return all
}

// setStatus notes how a request went and returns how the one before did.
func (p *Poller) setStatus(key watchlist.RemoteKey, s Status) (before Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before = p.status[key]
	p.status[key] = s
	return before
}

// watch notes which refs of a remote are watched; none: it is forgotten.
func (p *Poller) watch(key watchlist.RemoteKey, refs []watched) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(refs) > 0 {
		p.watching[key] = refs
		return
	}
	delete(p.watching, key)
	delete(p.news, key)
	delete(p.status, key)
}

// jitter spreads what would happen at the same time, and delays nothing: 0.9
// to 1.
func jitter() float64 { return 0.9 + 0.1*rand.Float64() }
