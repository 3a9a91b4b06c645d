package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/wright-build/wright/master/api/view"
)

// Info is what the master says of itself.
func (c *Client) Info(ctx context.Context) (view.Info, error) {
	return get[view.Info](ctx, c, "/info", nil)
}

// Instances lists all instances.
func (c *Client) Instances(ctx context.Context) ([]view.Instance, error) {
	return get[[]view.Instance](ctx, c, "/instances", nil)
}

// Instance shows one instance.
func (c *Client) Instance(ctx context.Context, name string) (view.Instance, error) {
	return get[view.Instance](ctx, c, "/instances/"+url.PathEscape(name), nil)
}

// Archive puts an instance away, or takes it out again.
func (c *Client) Archive(ctx context.Context, name string, archived bool) (view.Instance, error) {
	return post[view.Instance](ctx, c, "/instances/"+url.PathEscape(name)+"/archive", map[string]bool{"archived": archived})
}

// Delete forgets an instance, with its history and its logs.
func (c *Client) Delete(ctx context.Context, name string) error {
	resp, err := c.send(ctx, http.MethodDelete, "/instances/"+url.PathEscape(name), nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Redeploy builds anew what an instance has active.
func (c *Client) Redeploy(ctx context.Context, name string) (view.Build, error) {
	return post[view.Build](ctx, c, "/instances/"+url.PathEscape(name)+"/redeploy", nil)
}

// Watches lists what an instance watches; "" is all of them.
func (c *Client) Watches(ctx context.Context, instance string) ([]view.Watch, error) {
	q := url.Values{}
	set(q, "instance", instance)
	return get[[]view.Watch](ctx, c, "/watches", q)
}

// Change is a movement of a watched remote that a master is told of.
type Change struct {
	URL     string  `json:"url"`
	Ref     string  `json:"ref,omitempty"`    // "": any
	Before  *string `json:"before,omitempty"` // with After, or not told; "": the ref was not there
	After   *string `json:"after,omitempty"`
	Message *string `json:"message,omitempty"` // of the commit After; not told: the master looks
}

// Why tells who watches a remote, and why; ref "" is all of its refs.
func (c *Client) Why(ctx context.Context, remote, ref string) ([]view.Reason, error) {
	q := url.Values{}
	set(q, "url", remote)
	set(q, "ref", ref)
	return get[[]view.Reason](ctx, c, "/watches/why", q)
}

// WatchDiff tells what changed between the reports of two builds; "" are the
// last ones.
func (c *Client) WatchDiff(ctx context.Context, instance, old, fresh string) (view.WatchDiff, error) {
	q := url.Values{}
	set(q, "old", old)
	set(q, "new", fresh)
	return get[view.WatchDiff](ctx, c, "/instances/"+url.PathEscape(instance)+"/watch-diff", q)
}

// SendChange tells the master of a change, or has it look for one.
func (c *Client) SendChange(ctx context.Context, change Change) (view.Sent, error) {
	return post[view.Sent](ctx, c, "/changes", change)
}

// Hooks lists who may tell the master of changes.
func (c *Client) Hooks(ctx context.Context) ([]view.Hook, error) {
	return get[[]view.Hook](ctx, c, "/hooks", nil)
}

// Schedule lists when instances are built next; instance "" is all of them.
func (c *Client) Schedule(ctx context.Context, instance string) ([]view.Start, error) {
	q := url.Values{}
	set(q, "instance", instance)
	return get[[]view.Start](ctx, c, "/schedule", q)
}

// AppServers lists AppServers, the newest first; instance "" is all of them,
// gone adds terminated ones.
func (c *Client) AppServers(ctx context.Context, instance string, gone bool) ([]view.AppServer, error) {
	q := url.Values{}
	set(q, "instance", instance)
	if gone {
		q.Set("all", "1")
	}
	return get[[]view.AppServer](ctx, c, "/appservers", q)
}

// AppServer shows one AppServer.
func (c *Client) AppServer(ctx context.Context, id string) (view.AppServer, error) {
	return get[view.AppServer](ctx, c, "/appservers/"+url.PathEscape(id), nil)
}

// Want has something done to an AppServer: activate, deactivate or terminate.
func (c *Client) Want(ctx context.Context, id, doing string) (view.AppServer, error) {
	return post[view.AppServer](ctx, c, "/appservers/"+url.PathEscape(id)+"/"+url.PathEscape(doing), nil)
}

// Forget gives up what is left of an AppServer that is terminating.
func (c *Client) Forget(ctx context.Context, id string) (view.AppServer, error) {
	return post[view.AppServer](ctx, c, "/appservers/"+url.PathEscape(id)+"/forget", nil)
}

// Agents lists the agents that are connected, and those that are remembered.
func (c *Client) Agents(ctx context.Context) ([]view.Agent, error) {
	return get[[]view.Agent](ctx, c, "/agents", nil)
}

// Drain says whether an agent is to get no more work. What it still builds after
// the deadline is done elsewhere; 0: it may take as long as it likes.
func (c *Client) Drain(ctx context.Context, name string, drain bool, deadline time.Duration) (view.Agent, error) {
	want := map[string]any{"drain": drain}
	if deadline > 0 {
		want["deadline"] = deadline.String()
	}
	return post[view.Agent](ctx, c, "/agents/"+url.PathEscape(name)+"/drain", want)
}

// ManifestRepos lists the git repositories that manifests come from.
func (c *Client) ManifestRepos(ctx context.Context) ([]view.ManifestRepo, error) {
	return get[[]view.ManifestRepo](ctx, c, "/manifest-repos", nil)
}

// Problems lists the errors of manifests.
func (c *Client) Problems(ctx context.Context) ([]view.Problem, error) {
	return get[[]view.Problem](ctx, c, "/manifests/errors", nil)
}
