package poll

import (
	"context"
	"errors"

	"github.com/wright-build/wright/master/poll/ask"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

// comparer is what a Lister may do besides.
type comparer interface {
	Compare(ctx context.Context, r ask.Remote, of ask.Commits) (ask.Comparison, error)
}

// ErrAway means that a remote does not answer at present.
var ErrAway = errors.New("the remote cannot be asked at present")

// Compare finds out what changed in a git remote between two commits; before
// may be "" if only the newest one's message is of interest, which is not worth
// waiting for a remote that did not answer the last time. A remote that people
// named is trusted.
func (p *Poller) Compare(ctx context.Context, url string, trusted bool, before, after string) (ask.Comparison, error) {
	c, ok := p.cfg.Lister.(comparer)
	if !ok {
		return ask.Comparison{}, errors.New("nothing here compares commits")
	}
	of := ask.Commits{Before: before, After: after, Paths: before != ""}
	if before == "" {
		key := watchlist.KeyOf("git", url)
		if p.Status("git", url).Error != "" {
			return ask.Comparison{}, ErrAway
		}
		of.Before = p.previous(key, after)
	}
	asked, byRule := rewritten(url, p.cfg.Rewrites)
	leave, err := p.place(ctx, asked)
	if err != nil {
		return ask.Comparison{}, err
	}
	defer leave()
	return c.Compare(ctx, ask.Remote{VCS: "git", URL: asked, Trusted: trusted || byRule}, of)
}

// previous is where a ref of a remote was before it came to a revision, "" if
// that is not known.
func (p *Poller) previous(key watchlist.RemoteKey, revision string) (before string) {
	p.mu.Lock()
	refs := p.watching[key]
	p.mu.Unlock()
	p.st.Read(func(f *state.Facts) {
		for _, w := range refs {
			if fact := f.Refs[w.name]; fact != nil && fact.Revision == revision && fact.Previous != "" {
				before = fact.Previous
			}
		}
	})
	return before
}
