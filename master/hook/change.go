package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
)

// Change is one movement of one ref that a delivery tells of.
type Change struct {
	VCS    string
	URLs   []string // of the remote; several where a forge has more than one address
	Ref    string   // full name
	Before string   // revision; "": the ref was not there
	After  string   // revision; "": the ref is not there any more
	Ask    bool     // the revisions are not told, or are not those that are watched
	Said   *Said    // of After; nil: nothing
}

// maxChanges bounds the refs that one delivery may tell of.
const maxChanges = 1000

// kind is what one sort of sender does in its own way.
type kind struct {
	signed  func(d delivery, secret []byte, window time.Duration, now time.Time) error
	events  []string // headers that name the event
	ids     []string // headers that name the delivery
	changes func(event string, payload []byte) ([]Change, error)
}

// kinds is the kind of hook that a configuration calls name.
func kinds(name string) kind {
	switch name {
	case "github":
		return kind{signedGitHub, []string{"X-GitHub-Event"}, []string{"X-GitHub-Delivery"}, changesGitHub}
	case "gitea", "forgejo":
		return kind{
			signedGitea,
			[]string{"X-Forgejo-Event", "X-Gitea-Event", "X-Gogs-Event", "X-GitHub-Event"},
			[]string{"X-Forgejo-Delivery", "X-Gitea-Delivery", "X-Gogs-Delivery", "X-GitHub-Delivery"},
			changesGitHub, // theirs have the same form
		}
	case "gitlab":
		return kind{signedGitLab, []string{"X-Gitlab-Event"}, []string{"X-Gitlab-Event-UUID", "Webhook-Id"}, changesGitLab}
	case "bitbucket":
		return kind{signedBitbucket, []string{"X-Event-Key"}, []string{"X-Request-UUID", "X-Request-Id"}, changesBitbucket}
	}
	return kind{signed: signedGeneric, changes: changesGeneric}
}

// remote is what a delivery says of a repository.
type remote struct {
	vcs    string
	urls   []string
	branch string // to which its HEAD leads; "": not told
}

// remoteOf is a git repository under those of its addresses that could be
// watched.
func remoteOf(branch string, urls ...string) (remote, error) {
	r := remote{vcs: "git", urls: distinct("git", urls), branch: branch}
	if len(r.urls) == 0 {
		return r, errors.New("the payload names no address of a repository")
	}
	return r, nil
}

// moved is what a movement between two object IDs comes to. Those of a tag
// may be of tag objects, while commits are watched.
func (r remote) moved(ref, before, after string, said *Said) ([]Change, error) {
	before, errBefore := revision(before)
	after, errAfter := revision(after)
	if err := errors.Join(errBefore, errAfter); err != nil {
		return nil, err
	}
	tag := strings.HasPrefix(ref, "refs/tags/")
	return r.change(Change{Ref: ref, Before: before, After: after, Ask: tag || before == after, Said: said})
}

// touched is what a movement comes to of which no revisions are told.
func (r remote) touched(ref string) ([]Change, error) { return r.change(Change{Ref: ref, Ask: true}) }

// change is c and, where HEAD leads or may lead to its branch, that of HEAD.
func (r remote) change(c Change) ([]Change, error) {
	if err := manifests.CheckRef(c.Ref); err != nil {
		return nil, fmt.Errorf("the payload's ref: %w", err)
	}
	c.VCS, c.URLs = r.vcs, r.urls
	all := []Change{c}
	branch, ok := strings.CutPrefix(c.Ref, "refs/heads/")
	if ok && (branch == r.branch || r.branch == "") {
		c.Ref, c.Ask = "HEAD", c.Ask || r.branch == "" || c.After == ""
		all = append(all, c)
	}
	return all, nil
}

// revision is a revision as forges write it: zeros are none.
func revision(id string) (string, error) {
	if len(id) != 40 && len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", errors.New("the payload holds a revision that is no whole commit ID")
	}
	if strings.Trim(id, "0") == "" {
		return "", nil
	}
	return id, nil
}

// decode reads the JSON object of a forge.
func decode(payload []byte, v any) error {
	if err := json.Unmarshal(payload, v); err != nil {
		return fmt.Errorf("the payload is not the JSON of such an event: %w", err)
	}
	return nil
}
