// Package repos follows git repositories that hold manifests: it asks each
// remote for one ref, fetches what moved into a bare clone of its own, and
// tells what the directory of manifests says at that commit, and who made it
// say so. There is no work tree, so there is nothing to be edited.
//
// It does not know facts, instances or what is in force: what could not be
// read is an error in the status, and is no news.
package repos

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/wright-build/wright/manifests"
)

// Login is what a remote is opened with; its zero value is nothing.
type Login struct {
	User       string
	Password   string // of http and https
	Key        []byte // of ssh, in PEM
	KnownHosts []byte // of ssh; nil: the user's own
}

// Logins knows the logins of remotes.
type Logins interface {
	For(url string) (Login, error)
}

// Config says what is followed, and how.
type Config struct {
	Repos    []manifests.Repo
	Dir      string        // for the clones; made if missing, and nothing else may be in it
	Interval time.Duration // between two looks at a remote; at most 5 s
	Timeout  time.Duration // of asking a remote; default 30 s
	Logins   Logins        // nil: none
	Log      *slog.Logger
}

const (
	longestInterval = 5 * time.Second // so that a commit is in force in seconds
	localInterval   = 2 * time.Second // a path of this machine is asked for nothing
	longestPause    = time.Minute     // after errors
	fetchTimeout    = 10 * time.Minute
)

// Commit is one commit, as far as it is shown.
type Commit struct {
	ID     string
	Author string // clean: one short line
	At     time.Time
}

// Snapshot is what a repository's directory said at one commit.
type Snapshot struct {
	manifests.Snapshot
	Head Commit
	By   map[string]Commit // by name as in Manifests and Errors: the last change of each
}

// Status is how a repository is doing.
type Status struct {
	manifests.Repo
	Head      Commit    // the last one that could be read; At is zero when it is not known
	CheckedAt time.Time // when the remote answered last
	Error     string    // what is wrong now; "" is nothing
}

// Repos are all repositories.
type Repos struct {
	dir string
	all []*Repo
	log *slog.Logger
}

// New prepares to follow repositories. A repository that is named twice is one.
func New(cfg Config) *Repos {
	r := &Repos{dir: cfg.Dir, log: cfg.Log}
	seen := map[manifests.Repo]bool{}
	for _, repo := range cfg.Repos {
		key := repo
		key.URL = manifests.CanonicalURL(repo.URL)
		if !seen[key] {
			seen[key] = true
			r.all = append(r.all, newRepo(cfg, repo))
		}
	}
	return r
}

// All lists the repositories in the order of the configuration.
func (r *Repos) All() []*Repo { return r.all }

// Status tells how all repositories are doing.
func (r *Repos) Status() []Status {
	all := make([]Status, len(r.all))
	for i, repo := range r.all {
		all[i] = repo.Status()
	}
	return all
}

// Nudge has the repositories at url looked at now, and says whether there are any.
func (r *Repos) Nudge(url string) (known bool) {
	for _, repo := range r.all {
		if manifests.SameRemote(repo.what.URL, url) {
			repo.nudge()
			known = true
		}
	}
	return known
}

// Concerns tells whether a ref of a remote may be one that is followed.
func (r *Repos) Concerns(url, ref string) bool {
	return slices.ContainsFunc(r.all, func(repo *Repo) bool {
		return manifests.SameRemote(repo.what.URL, url) && (repo.what.Branch == "" || branchRef(repo.what.Branch) == ref)
	})
}

// Prepare makes the directory and removes the clones of repositories that are
// not followed any more.
func (r *Repos) Prepare() error {
	if len(r.all) == 0 {
		return nil
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return err
	}
	ours := regexp.MustCompile(`^[0-9a-f]{32}(\.login.*)?$`)
	for _, e := range entries {
		path := filepath.Join(r.dir, e.Name())
		kept := slices.ContainsFunc(r.all, func(repo *Repo) bool { return repo.clone.dir == path })
		if kept || !ours.MatchString(e.Name()) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// Repo is one repository.
type Repo struct {
	what     manifests.Repo
	interval time.Duration
	timeout  time.Duration
	remote   remote
	clone    clone
	log      *slog.Logger
	nudged   chan struct{}

	told    string          // the commit that was told of; only Follow uses it
	entries map[string]read // by file name, at that commit

	mu     sync.Mutex // guards all below
	status Status
}

func newRepo(cfg Config, what manifests.Repo) *Repo {
	c := clone{dir: filepath.Join(cfg.Dir, cloneName(what))}
	most := longestInterval
	if manifests.IsLocal(what.URL) {
		most = localInterval
	}
	return &Repo{
		what: what, interval: min(cmp.Or(cfg.Interval, most), most), timeout: cmp.Or(cfg.Timeout, 30*time.Second),
		remote: newRemote(what, c, cfg.Logins), clone: c, log: cfg.Log.With("repo", what.URL),
		nudged: make(chan struct{}, 1), status: Status{Repo: what},
	}
}

// What says which repository it is.
func (r *Repo) What() manifests.Repo { return r.what }

// Status tells how the repository is doing.
func (r *Repo) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

func (r *Repo) nudge() {
	select {
	case r.nudged <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Follow calls changed with what the repository says, as soon as the remote
// has answered and whenever it says something else, until ctx ends; it returns
// ctx's error then. What an older clone says is not told: the remote may have
// moved on long ago, and another master with it.
func (r *Repo) Follow(ctx context.Context, changed func(Snapshot)) error {
	r.recall()
	failures := 0
	for ctx.Err() == nil {
		err := r.look(ctx, changed)
		if ctx.Err() != nil {
			break
		}
		failures = r.note(err, failures)
		t := time.NewTimer(pause(r.interval, failures))
		select {
		case <-t.C:
		case <-r.nudged:
		case <-ctx.Done():
		}
		t.Stop()
	}
	return ctx.Err()
}

// pause is how long to wait after so many failures in a row.
func pause(interval time.Duration, failures int) time.Duration {
	p := interval
	for range failures {
		if p *= 2; p >= longestPause {
			return max(interval, longestPause)
		}
	}
	return p
}

// note takes down how a look went, and returns how many failed in a row.
func (r *Repo) note(err error, failures int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		if r.status.Error != "" {
			r.log.Info("the repository of manifests can be read again")
		}
		r.status.Error = ""
		return 0
	}
	if text := clean(err.Error()); text != r.status.Error {
		r.status.Error = text
		r.log.Error("repository of manifests: what was in force stays", "error", text)
	}
	return failures + 1
}

// recall is what a clone of an earlier master says, for the status only.
func (r *Repo) recall() {
	r.clone.tidy()
	if head, err := r.clone.head(); err == nil {
		r.mu.Lock()
		r.status.Head = head
		r.mu.Unlock()
	}
}

// look asks the remote and tells of what is new.
func (r *Repo) look(ctx context.Context, changed func(Snapshot)) error {
	asked, cancel := context.WithTimeout(ctx, r.timeout)
	tip, err := r.remote.tip(asked)
	cancel()
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.status.CheckedAt = time.Now().UTC()
	r.mu.Unlock()
	if tip == r.told {
		return nil
	}
	if !r.clone.has(tip) {
		fetching, cancel := context.WithTimeout(ctx, fetchTimeout)
		tip, err = r.fetch(fetching, tip)
		cancel()
		if err != nil {
			return err
		}
	}
	return r.tell(tip, changed)
}
