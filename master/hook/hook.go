// Package hook is told of changes: forges and other programs POST to
// /hooks/NAME what moved at a remote. It checks who says so, reads which refs
// moved from where to where, and passes that on for those that are watched.
//
// It does not know what a movement means, who watches a ref or what is written
// down about it: that is behind Watches. It takes no word for the truth that
// does not fit what is known, but has the remote asked; so a delivery that is
// lost, late, repeated or out of order does no harm.
//
// The payloads are read by narrow structs of our own: of a push half a dozen
// fields matter here, and size, signature and replays are checked before any of
// them is looked at.
package hook

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/manifests"
)

// Prefix is where hooks begin; their names follow.
const Prefix = "/hooks/"

const (
	maxBody     = 5 << 20          // bytes
	maxAtOnce   = 32               // deliveries that are read or dealt with
	placeTime   = 2 * time.Second  // how long one waits to be among them
	readTime    = 10 * time.Second // within which a body must be there
	observeTime = 10 * time.Second // for all that follows from a delivery
)

// Watches knows what is watched and takes in what moved.
type Watches interface {
	// Watched tells whether a ref of a remote is watched, whichever spelling of
	// its URL is given.
	Watched(vcs, url, ref string) bool
	// Observe takes a movement of a watched ref, under one address of its
	// remote, for true if it begins at the revision that is known; otherwise
	// the remote is asked.
	Observe(ctx context.Context, url string, c Change) (recorded bool, err error)
	// Told has a remote asked now because a watched ref of it moved.
	Told(url string, c Change)
}

// Config is what hooks need.
type Config struct {
	Hooks   []manifests.Hook
	Secret  func(manifests.SecretRef) ([]byte, error) // asked for each delivery: it may change
	Watches Watches
	Log     *slog.Logger
}

// Hooks takes in deliveries. It is safe for concurrent use.
type Hooks struct {
	cfg    Config
	hooks  map[string]*hook
	nobody *hook // stands in for those that do not exist
	places chan struct{}
}

// hook is one of them.
type hook struct {
	manifests.Hook
	kind
	seen *memory

	mu     sync.Mutex // guards all below
	status Status
}

// Status is how a hook is doing since the master began.
type Status struct {
	Name        string
	Kind        string
	Deliveries  int64     // that were taken in
	Refused     int64     // that were not
	LastAt      time.Time // of the last one taken in; zero: none was
	LastError   string    // of the last one that was not; holds nothing that came in unsigned
	LastErrorAt time.Time
}

// New makes hooks. They answer at once; there is nothing to be run or closed.
func New(cfg Config) *Hooks {
	h := &Hooks{
		cfg: cfg, hooks: map[string]*hook{}, places: make(chan struct{}, maxAtOnce),
		nobody: &hook{kind: kinds("github")},
	}
	for _, c := range cfg.Hooks {
		h.hooks[c.Name] = &hook{
			Hook: c, kind: kinds(c.Kind), seen: newMemory(maxRemembered), status: Status{Name: c.Name, Kind: c.Kind},
		}
	}
	return h
}

// List tells how all hooks are doing, by name.
func (h *Hooks) List() []Status {
	all := make([]Status, 0, len(h.hooks))
	for _, k := range h.hooks {
		k.mu.Lock()
		all = append(all, k.status)
		k.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// ServeHTTP takes in a delivery to Prefix + name. What it answers to strangers
// does not depend on what they send.
func (h *Hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, refusal(http.StatusMethodNotAllowed, "a hook takes POST only"))
		return
	}
	leave, err := h.enter(r.Context())
	if err != nil {
		w.Header().Set("Retry-After", "1")
		refuse(w, err)
		return
	}
	defer leave()
	k := h.hooks[strings.TrimPrefix(r.URL.Path, Prefix)]
	told, err := h.receive(w, r, cmp.Or(k, h.nobody))
	if k == nil {
		err = refusal(http.StatusNotFound, "there is no such hook")
	} else {
		h.note(k, err)
	}
	switch {
	case errors.Is(err, errIgnored):
		w.WriteHeader(http.StatusNoContent)
	case err != nil:
		refuse(w, err)
	default:
		writeJSON(w, http.StatusOK, told)
	}
}

// enter waits for one of the places.
func (h *Hooks) enter(ctx context.Context) (leave func(), err error) {
	late := time.NewTimer(placeTime)
	defer late.Stop()
	select {
	case h.places <- struct{}{}:
		return func() { <-h.places }, nil
	case <-late.C:
	case <-ctx.Done():
	}
	return nil, refusal(http.StatusServiceUnavailable, "too many deliveries at once")
}

// receive reads a delivery and deals with it. What its sender does meanwhile
// does not end what follows from it.
func (h *Hooks) receive(w http.ResponseWriter, r *http.Request, k *hook) (Told, error) {
	d, err := read(w, r)
	if err != nil {
		return Told{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), observeTime)
	defer cancel()
	return h.take(ctx, k, d, time.Now())
}

// take checks a delivery and does what follows from it.
func (h *Hooks) take(ctx context.Context, k *hook, d delivery, now time.Time) (Told, error) {
	if err := h.check(k, d, now); err != nil {
		return Told{}, err
	}
	changes, err := k.changes(d.first(k.events), d.payload)
	if errors.Is(err, errIgnored) {
		return Told{}, err
	}
	if err != nil {
		return Told{}, refusal(http.StatusBadRequest, "%s", err)
	}
	again, err := k.remember(d, now)
	if err != nil {
		return Told{}, err
	}
	told, err := h.tell(ctx, k.own(changes), again)
	if err != nil {
		k.forget(d)
		return told, because(err, http.StatusServiceUnavailable, "it could not be written down: send it again")
	}
	return told, nil
}

// check wants a delivery to be signed with the hook's secret.
func (h *Hooks) check(k *hook, d delivery, now time.Time) error {
	secret, err := h.secret(k)
	if err != nil {
		return because(err, http.StatusServiceUnavailable, "the hook's secret cannot be read: the master's log says why")
	}
	return k.signed(d, secret, k.Window, now)
}

// secret is what signs a hook's deliveries; that of nobody is known to nobody.
func (h *Hooks) secret(k *hook) ([]byte, error) {
	if k == h.nobody {
		if len(h.cfg.Hooks) > 0 {
			_, _ = h.cfg.Secret(h.cfg.Hooks[0].Secret) // it takes as long as for somebody
		}
		return []byte(rand.Text()), nil
	}
	secret, err := h.cfg.Secret(k.Secret)
	if err == nil && len(secret) == 0 {
		err = errors.New("it is empty")
	}
	return secret, err
}

// note counts a delivery. A trouble is logged when it begins, not each time.
func (h *Hooks) note(k *hook, err error) {
	now := time.Now().UTC()
	k.mu.Lock()
	defer k.mu.Unlock()
	s := &k.status
	if err == nil || errors.Is(err, errIgnored) {
		s.Deliveries, s.LastAt = s.Deliveries+1, now
		return
	}
	if s.LastError == "" || s.LastAt.After(s.LastErrorAt) {
		h.cfg.Log.Warn("a hook refuses deliveries", "hook", k.Name, "error", cmp.Or(errors.Unwrap(err), err))
	}
	s.Refused, s.LastError, s.LastErrorAt = s.Refused+1, shorten(err.Error()), now
}
