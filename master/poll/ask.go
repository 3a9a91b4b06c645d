package poll

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/master/poll/ask"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

const (
	chunk         = 100              // facts in one commit
	commitTimeout = 10 * time.Second // of all commits after one answer
	commitTries   = 5                // when somebody else writes the same facts
)

// question is one request: what is to be asked, and which facts are to go.
type question struct {
	key      watchlist.RemoteKey
	url      string // as it was written; "" if only facts are to go
	asked    string // where it is asked
	trusted  bool   // a person named it
	refs     []watched
	unwanted []string
	told     map[string]Movement // by ref: the last of which hooks said
}

type answer struct {
	question
	finding
	err error
}

// finding is what came of a question.
type finding struct {
	head  string    // where HEAD leads
	moved []string  // refs that did, without those seen for the first time
	last  time.Time // when one of the refs moved last
}

// errWrite means that the store failed, not the remote.
var errWrite = errors.New("write down refs")

// ask carries out a question and notes how it went.
func (p *Poller) ask(ctx context.Context, q question) (finding, error) {
	found, err := p.carryOut(ctx, q)
	if ctx.Err() != nil || len(q.refs) == 0 {
		return found, err
	}
	now := Status{CheckedAt: time.Now().UTC(), Head: found.head}
	if err != nil {
		now.Error = ask.Clean(err.Error())
	}
	before := p.setStatus(q.key, now)
	switch {
	case now.Error != "" && before.Error == "":
		p.log.Warn("a remote cannot be asked", "url", ask.Clean(q.url), "error", now.Error)
	case now.Error == "" && before.Error != "":
		p.log.Info("a remote can be asked again", "url", ask.Clean(q.url))
	}
	return found, err
}

func (p *Poller) carryOut(ctx context.Context, q question) (finding, error) {
	forgotten := p.forgetRefs(ctx, q)
	if len(q.refs) == 0 {
		return finding{}, forgotten
	}
	found, err := p.observe(ctx, q)
	return found, errors.Join(forgotten, err)
}

// observe asks the remote and writes down what moved. What a hook told while
// the remote answered may be newer than the answer: then it is asked again.
func (p *Poller) observe(ctx context.Context, q question) (found finding, err error) {
	for range commitTries {
		refs := p.known(q.refs)
		observed, err := p.list(ctx, q)
		if err != nil {
			return found, err
		}
		found.head = observed.Head
		overtaken, err := p.record(ctx, q, refs, observed.Refs, &found)
		if err != nil || !overtaken {
			found.last = p.lastMoved(q.refs)
			return found, err
		}
	}
	return found, nil // they know better, and there is a next time
}

// lastMoved is when one of the refs moved last.
func (p *Poller) lastMoved(refs []watched) (last time.Time) {
	p.st.Read(func(f *state.Facts) {
		for _, w := range refs {
			if fact := f.Refs[w.name]; fact != nil && fact.MovedAt.After(last) {
				last = fact.MovedAt
			}
		}
	})
	return last
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

// list asks the remote for its refs.
func (p *Poller) list(ctx context.Context, q question) (ask.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	vcs, _, _ := strings.Cut(string(q.key), "\x00")
	names := make([]string, len(q.refs))
	for i, w := range q.refs {
		names[i] = w.ref
	}
	answer, err := p.cfg.Lister.List(ctx, ask.Remote{VCS: vcs, URL: q.asked, Refs: names, Trusted: q.trusted})
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return answer, fmt.Errorf("no answer within %s: %w", p.cfg.Timeout, err)
	}
	if err != nil {
		return answer, err
	}
	return answer, checkAnswer(answer.Refs, q.refs)
}

// checkAnswer tells whether all that is to be written down are revisions.
func checkAnswer(answer map[string]string, refs []watched) error {
	for _, w := range refs {
		if revision, ok := answer[w.ref]; ok && !isRevision(revision) {
			return fmt.Errorf("the remote's answer for %s is no revision", w.ref)
		}
	}
	return nil
}

// isRevision tells whether s is a whole commit ID, SHA-1 or SHA-256.
func isRevision(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == "" && strings.Trim(s, "0") != ""
}

// record writes down which refs moved. What did not move is not written, nor
// what somebody else wrote since the remote was asked: that is overtaken.
func (p *Poller) record(ctx context.Context, q question, refs []watched, observed map[string]string, found *finding) (overtaken bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	moved := map[string]bool{}
	err = p.commit(ctx, refs, func(w watched, fact *state.Ref) (state.Write, bool) {
		revision := observed[w.ref]
		if fact != nil && fact.Revision == revision {
			return state.Write{}, false
		}
		if revOf(fact) != w.rev {
			overtaken = true
			return state.Write{}, false
		}
		now := time.Now().UTC()
		if fact == nil {
			vcs, _, _ := strings.Cut(string(q.key), "\x00")
			return (&state.Ref{VCS: vcs, URL: q.url, Ref: w.ref, Revision: revision, MovedAt: now}).Put(w.key), true
		}
		moved[w.ref] = true
		m := q.told[w.ref]
		m.Said, m.After = m.said(fact.Revision, revision), revision
		return movedTo(fact, q.url, m, now).Put(w.key), true
	})
	found.moved = append(found.moved, slices.Sorted(maps.Keys(moved))...)
	return overtaken, err
}

// movedTo is the fact of a ref that was seen at another revision than before.
func movedTo(fact *state.Ref, url string, m Movement, now time.Time) *state.Ref {
	next := *fact
	next.URL, next.Revision, next.Previous, next.MovedAt, next.Moved = url, m.After, fact.Revision, now, true
	next.Said = m.Said
	return &next
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
		// gofail: var refUnstored struct{}
		if err = p.st.CommitSeen(ctx, writes...); !errors.Is(err, store.ErrConflict) {
			// gofail: var refStored struct{}
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
