package autowatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wright-build/wright/manifests"
)

const (
	maxAsked  = 8                // remotes that are asked at the same time
	askLimit  = 10 * time.Second // for one
	asksLimit = 30 * time.Second // for all
	maxDead   = 2                // failures to reach a host, after which it is left alone
)

// Refs asks a remote what it has: all refs by their full name, and the branch
// that HEAD is on.
type Refs interface {
	Refs(ctx context.Context, vcs, url string) (refs map[string]string, head string, err error)
}

// Remote is one to be asked.
type Remote struct{ VCS, URL string }

func (r Remote) key() string { return r.VCS + "\x00" + manifests.CanonicalURL(r.URL) }

// host is what makes a remote reachable or not; "" is this machine.
func (r Remote) host() string {
	host, _, _ := strings.Cut(strings.TrimPrefix(manifests.CanonicalURL(r.URL), "any://"), "/")
	return host
}

// Answers are what remotes said in the course of one attempt. Each is asked
// once: a later answer could hide that something moved between.
type Answers struct {
	mu   sync.Mutex // guards all below
	of   map[string]*answer
	dead map[string]int // by host; below 0 it has answered once
}

// Ask asks those that were not asked before, and returns when all have answered
// or were given up.
func (a *Answers) Ask(ctx context.Context, refs Refs, remotes []Remote) {
	ctx, cancel := context.WithTimeout(ctx, asksLimit)
	defer cancel()
	var all sync.WaitGroup
	places := make(chan struct{}, maxAsked)
	for _, r := range spread(remotes) {
		if a.get(r) != nil {
			continue
		}
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			a.put(r, a.ask(ctx, refs, r))
		})
	}
	all.Wait()
}

func (a *Answers) ask(ctx context.Context, refs Refs, r Remote) *answer {
	switch {
	case ctx.Err() != nil:
		return &answer{err: errors.New("there was no time left")}
	case a.isDead(r.host()):
		return &answer{err: errors.New("its host could not be reached before")}
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	found, head, err := refs.Refs(ctx, r.VCS, r.URL)
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil && err != nil {
		err = fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	}
	a.note(r.host(), err)
	if err != nil {
		return &answer{err: err}
	}
	kept := make(map[string]string, len(found))
	for ref, commit := range found { // not those of a forge, which may be 100 for each of ours
		if !isCommit(commit) {
			continue
		}
		if ref == "HEAD" || strings.HasPrefix(ref, heads) || strings.HasPrefix(ref, tags) || strings.HasPrefix(ref, bookmarks) {
			kept[ref] = commit
		}
	}
	return &answer{refs: kept, head: head}
}

func (a *Answers) isDead(host string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.dead[host] >= maxDead
}

// note counts how often a host could not be reached.
func (a *Answers) note(host string, err error) {
	var op *net.OpError
	var dns *net.DNSError
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dead == nil {
		a.dead = map[string]int{}
	}
	switch {
	case err == nil:
		a.dead[host] = -1 << 30
	case host != "" && (errors.Is(err, context.DeadlineExceeded) || errors.As(err, &op) || errors.As(err, &dns)):
		a.dead[host]++
	}
}

func (a *Answers) get(r Remote) *answer {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of[r.key()]
}

func (a *Answers) put(r Remote, said *answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[string]*answer{}
	}
	if a.of[r.key()] == nil {
		a.of[r.key()] = said
	}
}

// spread puts the remotes in an order in which no host is asked twice before
// each was asked once.
func spread(remotes []Remote) []Remote {
	type place struct {
		round int
		Remote
	}
	rounds := map[string]int{}
	var all []place
	for _, r := range remotes {
		all = append(all, place{rounds[r.host()], r})
		rounds[r.host()]++
	}
	slices.SortStableFunc(all, func(a, b place) int { return cmp.Compare(a.round, b.round) })
	var out []Remote
	for _, p := range all {
		out = append(out, p.Remote)
	}
	return out
}

// preferred is how well a URL serves for asking, the lower the better.
func preferred(url string) int {
	for i, scheme := range []string{"https://", "http://", "git://"} {
		if strings.HasPrefix(strings.ToLower(url), scheme) {
			return i
		}
	}
	return 3
}
