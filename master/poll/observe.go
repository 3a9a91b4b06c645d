package poll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// ErrNotWatched means that no instance watches the ref.
var ErrNotWatched = errors.New("nobody watches it")

// Movement is that of a ref, as somebody tells of it.
type Movement struct {
	VCS, URL, Ref string
	Before, After string      // revisions; "": it did not exist, or does not any more
	Said          *state.Said // of After; nil: nothing
}

// said is what is told of the step from one revision to another: which files
// that changed only if it is the whole movement.
func (m Movement) said(from, to string) *state.Said {
	switch {
	case m.Said == nil || to == "" || m.After != to:
		return nil
	case m.Before != from:
		return &state.Said{Message: m.Said.Message}
	}
	return m.Said
}

// Observe takes in what a hook says. A movement is written down at once if the
// ref was last seen where it began, or is known already; otherwise the remote
// itself is asked at once, and recorded is false. So hooks that come twice, late
// or in another order do no harm.
func (p *Poller) Observe(ctx context.Context, m Movement) (recorded bool, err error) {
	for _, revision := range []string{m.Before, m.After} {
		if revision != "" && !isRevision(revision) {
			return false, fmt.Errorf("take in that %s moved: %.80q is no revision", m.Ref, revision)
		}
	}
	key := watchlist.KeyOf(m.VCS, m.URL)
	w, ok := p.watched(key, m.Ref)
	if !ok {
		return false, fmt.Errorf("take in that %.300s of %s moved: %w", m.Ref, m.URL, ErrNotWatched)
	}
	moved, recorded, err := p.step(ctx, w, m)
	if err != nil {
		return false, fmt.Errorf("take in that %s moved: %w", m.Ref, err)
	}
	if recorded {
		m.Said = nil // it is written down
	}
	p.tell(key, func(n *news) {
		n.hear(m)
		n.urgent = n.urgent || !recorded
		if moved {
			n.steps++
		}
	})
	return recorded, nil
}

// watched finds a ref that is asked for.
func (p *Poller) watched(key watchlist.RemoteKey, ref string) (watched, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	refs := p.watching[key]
	i, found := slices.BinarySearchFunc(refs, ref, func(w watched, ref string) int { return cmp.Compare(w.ref, ref) })
	if !found {
		return watched{}, false
	}
	return refs[i], true
}

// step writes down a movement that fits what was seen last. What is known
// already counts as recorded.
func (p *Poller) step(ctx context.Context, w watched, m Movement) (moved, recorded bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	for range commitTries {
		var fact *state.Ref
		p.st.Read(func(f *state.Facts) { fact = f.Refs[w.name] })
		switch {
		case fact == nil:
			return false, false, nil
		case fact.Revision == m.After:
			return false, true, nil
		case fact.Revision != m.Before:
			return false, false, nil
		}
		write := movedTo(fact, fact.URL, m, time.Now().UTC()).Put(w.key)
		err = p.st.CommitSeen(ctx, write)
		if !errors.Is(err, store.ErrConflict) {
			return err == nil, err == nil, err
		}
		if err := p.overtaken(ctx, []state.Write{write}); err != nil {
			return false, false, err
		}
	}
	return false, false, nil
}
