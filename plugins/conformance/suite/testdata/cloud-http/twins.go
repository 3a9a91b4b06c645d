package main

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// Where the backend keeps nothing unique there may be two instances of a token: a
// request whose answer was lost was carried out after all. The oldest counts.

// oldest gives the first instance of a token.
func (p *provider) oldest(ctx context.Context, token string) (*instance, error) {
	found, err := p.backend.list(ctx, url.Values{"tag": {tokenLabel + "=" + token, plugins.InstallationTag + "=" + p.installation}})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	slices.SortFunc(found, func(a, b instance) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	if p.has("no second look, and the newest counts") {
		return &found[len(found)-1], nil
	}
	return &found[0], nil
}

// younger says whether the list has an older server of the same token.
func (p *provider) younger(list []cloud.Server, i instance) bool {
	return !p.unique && !p.has("no second look, and both are listed") &&
		slices.ContainsFunc(list, func(s cloud.Server) bool { return s.Token == i.Labels[tokenLabel] })
}

// lookAgain finds what an unanswered request made after all.
func (p *provider) lookAgain(ctx context.Context, token string, lost error) (*instance, error) {
	if strings.HasPrefix(p.bug, "no second look") || plugins.CodeOf(lost) != plugins.Transient {
		return nil, lost
	}
	select {
	case <-time.After(2 * time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	found, err := p.find(ctx, token)
	if err == nil && found == nil {
		err = lost
	}
	return found, err
}

// isGone waits for the end of one instance.
func (p *provider) isGone(ctx context.Context, id string) error {
	for {
		_, err := p.backend.get(ctx, id)
		if plugins.CodeOf(err) == plugins.NotFound {
			return nil
		}
		select {
		case <-time.After(3 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
