package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/wright-build/wright/master/api/view"
)

// Start says which build is wanted.
type Start struct {
	Instance string `json:"instance"`
	Revision string `json:"revision,omitempty"`
	Reason   string `json:"reason,omitempty"`

	Properties map[string]string `json:"properties,omitempty"` // variables of its steps
}

// StartBuild starts one build.
func (c *Client) StartBuild(ctx context.Context, s Start) (view.Build, error) {
	return post[view.Build](ctx, c, "/builds", s)
}

// StartBuilds starts count builds at once.
func (c *Client) StartBuilds(ctx context.Context, s Start, count int) ([]view.Build, error) {
	body := struct {
		Start
		Count int `json:"count"`
	}{s, count}
	return post[[]view.Build](ctx, c, "/builds", body)
}

// Builds lists builds, the newest first. Instance and state may be "", limit 0
// for the master's default.
func (c *Client) Builds(ctx context.Context, instance, state string, limit int) ([]view.Build, error) {
	q := url.Values{}
	set(q, "instance", instance)
	set(q, "state", state)
	if limit != 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return get[[]view.Build](ctx, c, "/builds", q)
}

// Build shows a build; id may be an instance's name for its newest one.
func (c *Client) Build(ctx context.Context, id string) (view.Build, error) {
	return get[view.Build](ctx, c, "/builds/"+url.PathEscape(id), nil)
}

// AwaitChange waits until a build has another state, attempt or phase than
// the one given, up to a minute, and returns it as it is then.
func (c *Client) AwaitChange(ctx context.Context, b view.Build) (view.Build, error) {
	seen := b.State + "/" + strconv.Itoa(b.Attempt) + "/" + b.Phase
	return get[view.Build](ctx, c, "/builds/"+url.PathEscape(b.ID), url.Values{"wait": {"change"}, "seen": {seen}})
}

// CancelBuild wants a build ended.
func (c *Client) CancelBuild(ctx context.Context, id, reason string) (view.Build, error) {
	return post[view.Build](ctx, c, "/builds/"+url.PathEscape(id)+"/cancel", map[string]string{"reason": reason})
}

// RetryBuild starts the build again, at the same revision.
func (c *Client) RetryBuild(ctx context.Context, id string) (view.Build, error) {
	return post[view.Build](ctx, c, "/builds/"+url.PathEscape(id)+"/retry", nil)
}

// Parts lists the parts of a build's output.
func (c *Client) Parts(ctx context.Context, id string) ([]view.Part, error) {
	return get[[]view.Part](ctx, c, "/builds/"+url.PathEscape(id)+"/parts", nil)
}

// LogQuery says what of a build's output is wanted.
type LogQuery struct {
	Follow  bool
	All     bool   // with part 0, what Wright itself says
	Part    string // number or name of the only one wanted; "": all of them
	Attempt int    // 0: the present one
	Offset  int64  // leave out so many bytes
	Lines   string // only these, as FIRST:LAST
	Tail    *int64 // only so many lines before the end, and what comes; nil: all
}

// Output is output of a build, exactly its bytes.
type Output struct {
	io.ReadCloser
	Attempt int
	Offset  int64 // where it begins in all of the attempt's
}

// Log opens the output of a build. The caller closes it.
func (c *Client) Log(ctx context.Context, id string, l LogQuery) (*Output, error) {
	q := l.values()
	resp, err := c.send(ctx, http.MethodGet, "/builds/"+url.PathEscape(id)+"/log?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	out := &Output{ReadCloser: resp.Body}
	out.Attempt, err = strconv.Atoi(resp.Header.Get("Wright-Attempt"))
	if err != nil {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%w: what is at %s does not answer like a master", ErrUnreachable, c.base())
	}
	if out.Offset, err = strconv.ParseInt(resp.Header.Get("Wright-Offset"), 10, 64); err != nil {
		out.Offset = l.Offset // a master of an earlier release does not say it
	}
	return out, nil
}

func (l LogQuery) values() url.Values {
	q := url.Values{}
	if l.Follow {
		q.Set("follow", "1")
	}
	if l.All {
		q.Set("all", "1")
	}
	set(q, "part", l.Part)
	if l.Attempt > 0 {
		q.Set("attempt", strconv.Itoa(l.Attempt))
	}
	if l.Offset > 0 {
		q.Set("offset", strconv.FormatInt(l.Offset, 10))
	}
	set(q, "lines", l.Lines)
	if l.Tail != nil {
		q.Set("tail", strconv.FormatInt(*l.Tail, 10))
	}
	return q
}

func set(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}
