package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

// Change is what people and their programs tell of a remote.
type Change struct {
	URL     string  `json:"url"`
	Ref     string  `json:"ref"`    // "": any; full name, or that of a branch
	Before  *string `json:"before"` // revision; "" or zeros: the ref was not there
	After   *string `json:"after"`
	Message *string `json:"message,omitempty"` // of the commit After; without it, it is looked up where it matters
}

// maxMessage bounds a commit's message that is kept, in bytes: a longer one is
// looked up.
const maxMessage = 4 << 10

// SendChange takes in a movement of a watched ref, or has its remote looked at
// where the movement is not told or does not begin where the ref is known to be.
func (d Deeds) SendChange(ctx context.Context, c Change) (view.Sent, error) {
	if d.cfg.Polls == nil {
		return view.Sent{}, fail(http.StatusNotImplemented, "", "this master polls nothing")
	}
	if c.Ref != "" && c.Ref != "HEAD" && !strings.HasPrefix(c.Ref, "refs/") {
		c.Ref = "refs/heads/" + c.Ref
	}
	before, after, told, err := checkChange(c)
	if err != nil {
		return view.Sent{}, err
	}
	sent := view.Sent{URL: c.URL, Ref: c.Ref, Result: "asked"}
	ofManifests := d.nudge(c.URL)
	vcs, err := d.queries.watched(c)
	switch {
	case err != nil && ofManifests:
		return sent, nil
	case err != nil:
		return view.Sent{}, err
	case !told:
		d.cfg.Polls.CheckNow(c.URL)
		return sent, nil
	}
	if c.Before, c.After = &before, &after; c.Message != nil && len(*c.Message) > maxMessage {
		c.Message = nil
	}
	recorded, err := d.cfg.Polls.Observe(ctx, vcs, c)
	if recorded {
		sent.Result = "recorded"
	}
	return sent, err
}

// checkChange says what is wrong with a change; told is whether its revisions
// are there and may be taken for those that are watched.
func checkChange(c Change) (before, after string, told bool, err error) {
	if err := manifests.CheckURL("git", c.URL); err != nil {
		return "", "", false, fail(http.StatusBadRequest, "", "the URL of the change: %w", err)
	}
	if c.Ref != "" {
		if err := manifests.CheckRef(c.Ref); err != nil {
			return "", "", false, fail(http.StatusBadRequest, "", "the ref of the change: %w", err)
		}
	}
	if c.Before == nil && c.After == nil {
		return "", "", false, nil
	}
	if c.Before == nil || c.After == nil || c.Ref == "" {
		return "", "", false, fail(http.StatusBadRequest, "give all three, or neither before nor after", "ref, before and after belong together")
	}
	before, okBefore := wholeRevision(*c.Before)
	after, okAfter := wholeRevision(*c.After)
	if !okBefore || !okAfter {
		return "", "", false, fail(http.StatusBadRequest, "give 40 or 64 digits, or zeros for none", "before or after is no whole commit ID")
	}
	isTag := strings.HasPrefix(c.Ref, "refs/tags/") // of which hooks of git tell tag objects, not commits
	return before, after, !isTag && before != after, nil
}

// wholeRevision is a revision as hooks of git tell it: zeros are none.
func wholeRevision(id string) (revision string, ok bool) {
	if strings.Trim(id, "0") == "" && (id == "" || len(id) == 40 || len(id) == 64) {
		return "", true
	}
	return id, (len(id) == 40 || len(id) == 64) && strings.Trim(id, "0123456789abcdef") == ""
}

// watched finds the version control system under which what changed is
// watched.
func (q Queries) watched(c Change) (vcs string, err error) {
	for _, vcs := range []string{"git", "hg"} {
		if q.observed(vcs, c) {
			return vcs, nil
		}
	}
	all, err := q.Watches("") // it may be watched only now, or be out of reach
	if err != nil {
		return "", err
	}
	for _, w := range all {
		if (c.Ref == "" || w.Ref == c.Ref) && manifests.SameRemote(w.URL, c.URL) {
			return w.VCS, nil
		}
	}
	if c.Ref != "" {
		return "", fail(http.StatusNotFound, "wright watch list shows what is watched", "no instance watches %s of that URL", c.Ref)
	}
	return "", fail(http.StatusNotFound, "wright watch list shows what is watched", "no instance watches that URL")
}

// observed tells, without looking through all watches, of most that are.
func (q Queries) observed(vcs string, c Change) (yes bool) {
	if c.Ref == "" {
		at, _ := q.polls.Status(vcs, c.URL)
		return !at.IsZero()
	}
	name := state.RefName(watchlist.KeyOf(vcs, c.URL).Watch(c.Ref))
	q.store.Read(func(f *state.Facts) { yes = f.Refs[name] != nil })
	return yes
}
