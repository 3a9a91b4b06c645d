package poll

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

const (
	maxRefs       = 200000           // of one remote
	chunk         = 100              // facts in one commit
	commitTimeout = 10 * time.Second // of all commits after one answer
	commitTries   = 5                // when somebody else writes the same facts
)

// question is one request: what is to be asked, and which facts are to go.
type question struct {
	key      watchlist.RemoteKey
	url      string // "" if only facts are to go
	refs     []watched
	unwanted []string
}

type answer struct {
	question
	err error
}

// errWrite means that the store failed, not the remote.
var errWrite = errors.New("write down refs")

// ask carries out a question and notes how it went.
func (p *Poller) ask(ctx context.Context, q question) error {
	err := p.carryOut(ctx, q)
	if ctx.Err() != nil || len(q.refs) == 0 {
		return err
	}
	now := Status{CheckedAt: time.Now().UTC()}
	if err != nil {
		now.Error = clean(err.Error())
	}
	before := p.setStatus(q.key, now)
	switch {
	case now.Error != "" && before.Error == "":
		p.log.Warn("a remote cannot be asked", "url", clean(q.url), "error", now.Error)
	case now.Error == "" && before.Error != "":
		p.log.Info("a remote can be asked again", "url", clean(q.url))
	}
	return err
}

func (p *Poller) carryOut(ctx context.Context, q question) error {
	forgotten := p.forgetRefs(ctx, q)
	if len(q.refs) == 0 {
		return forgotten
	}
	return errors.Join(forgotten, p.observe(ctx, q))
}

// observe asks the remote and writes down what moved. What somebody else (a
// hook) wrote while the remote answered may be newer than the answer: then it
// is asked again.
func (p *Poller) observe(ctx context.Context, q question) error {
	for range commitTries {
		refs := p.known(q.refs)
		observed, err := p.list(ctx, q)
		if err != nil {
			return err
		}
		overtaken, err := p.record(ctx, q, refs, observed)
		if err != nil || !overtaken {
			return err
		}
	}
	return nil // they know better, and there is a next time
}

// known is refs with the revisions that their facts have now.
func (p *Poller) known(refs []watched) []watched {
	refs = slices.Clone(refs)
	p.st.Read(func(f *state.Facts) {
		for i, w := range refs {
			refs[i].rev = revOf(f.Refs[w.name])
		}
	})
	return refs
}

func revOf(fact *state.Ref) int64 {
	if fact == nil {
		return 0
	}
	return fact.Rev
}

// list asks the remote for its refs. Only those that are watched come back,
// checked: of the others nothing is kept.
func (p *Poller) list(ctx context.Context, q question) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	all, err := p.cfg.Lister.List(ctx, q.url)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("no answer within %s: %w", p.cfg.Timeout, err)
		}
		return nil, err
	}
	return checkAnswer(all, q.refs)
}

func checkAnswer(all map[string]string, refs []watched) (map[string]string, error) {
	if len(all) > maxRefs {
		return nil, fmt.Errorf("the remote has %d refs, more than %d", len(all), maxRefs)
	}
	observed := make(map[string]string, len(refs))
	for _, w := range refs {
		revision, ok := all[w.ref]
		if ok && !isRevision(revision) {
			return nil, fmt.Errorf("the remote's answer for %s is no revision", w.ref)
		}
		observed[w.ref] = revision
	}
	return observed, nil
}

// isRevision tells whether s is a whole commit ID, SHA-1 or SHA-256.
func isRevision(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == "" && strings.Trim(s, "0") != ""
}

// record writes down which refs moved. What did not move is not written, nor
// what somebody else wrote since the remote was asked: that is overtaken.
func (p *Poller) record(ctx context.Context, q question, refs []watched, observed map[string]string) (overtaken bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	err = p.commit(ctx, refs, func(w watched, fact *state.Ref) (state.Write, bool) {
		revision := observed[w.ref]
		if fact != nil && fact.Revision == revision {
			return state.Write{}, false
		}
		if revOf(fact) != w.rev {
			overtaken = true
			return state.Write{}, false
		}
		return moved(q, w, fact, revision, time.Now().UTC()).Put(w.key), true
	})
	return overtaken, err
}

// moved is the fact of a ref that was seen at a revision ("": it does not
// exist), after another or for the first time.
func moved(q question, w watched, fact *state.Ref, revision string, now time.Time) *state.Ref {
	vcs, _, _ := strings.Cut(string(q.key), "\x00")
	next := &state.Ref{VCS: vcs, URL: q.url, Ref: w.ref, Revision: revision, MovedAt: now}
	if fact != nil {
		next.Meta, next.Previous = fact.Meta, fact.Revision
	}
	return next
}

// forgetRefs deletes the facts of refs that nobody watches any more.
func (p *Poller) forgetRefs(ctx context.Context, q question) error {
	if len(q.unwanted) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	refs := make([]watched, len(q.unwanted))
	for i, ref := range q.unwanted {
		key := q.key.Watch(ref)
		refs[i] = watched{ref: ref, key: key, name: state.RefName(key)}
	}
	return p.commit(ctx, refs, func(w watched, fact *state.Ref) (state.Write, bool) {
		if fact == nil {
			return state.Write{}, false
		}
		return fact.Put(w.key).Drop(), true
	})
}

// decide is the write that a fact (nil: there is none) asks for, if any.
type decide func(w watched, fact *state.Ref) (state.Write, bool)

// commit makes the writes that the live facts ask for, deciding anew about
// those that somebody else wrote meanwhile, and waits until they are live.
func (p *Poller) commit(ctx context.Context, refs []watched, d decide) error {
	for wanting := range slices.Chunk(p.wanting(refs, d), chunk) {
		if err := p.commitChunk(ctx, wanting, d); err != nil {
			return fmt.Errorf("%w: %w", errWrite, err)
		}
	}
	return nil
}

// wanting is those refs whose facts ask for a write.
func (p *Poller) wanting(refs []watched, d decide) (some []watched) {
	p.st.Read(func(f *state.Facts) {
		for _, w := range refs {
			if _, ok := d(w, f.Refs[w.name]); ok {
				some = append(some, w)
			}
		}
	})
	return some
}

func (p *Poller) commitChunk(ctx context.Context, refs []watched, d decide) (err error) {
	for range commitTries {
		var writes []state.Write
		p.st.Read(func(f *state.Facts) {
			for _, w := range refs {
				if write, ok := d(w, f.Refs[w.name]); ok {
					writes = append(writes, write)
				}
			}
		})
		if err = p.st.CommitSeen(ctx, writes...); !errors.Is(err, store.ErrConflict) {
			return err
		}
		if err := p.overtaken(ctx, writes); err != nil {
			return err
		}
	}
	return err
}

// overtaken waits until the live facts show what made writes conflict.
func (p *Poller) overtaken(ctx context.Context, writes []state.Write) error {
	return p.st.Await(ctx, func(f *state.Facts) bool {
		return slices.ContainsFunc(writes, func(w state.Write) bool {
			return revOf(f.Refs[w.Key.Name]) != w.Rev
		})
	})
}
