package client

import (
	"context"
	"net/http"
	"net/url"

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

// SendChange has the master look at a remote now.
func (c *Client) SendChange(ctx context.Context, remote string) error {
	_, err := post[struct{}](ctx, c, "/changes", map[string]string{"url": remote})
	return err
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

// Agents lists the connected agents.
func (c *Client) Agents(ctx context.Context) ([]view.Agent, error) {
	return get[[]view.Agent](ctx, c, "/agents", nil)
}

// Drain says whether an agent is to get no more work.
func (c *Client) Drain(ctx context.Context, name string, drain bool) (view.Agent, error) {
	return post[view.Agent](ctx, c, "/agents/"+url.PathEscape(name)+"/drain", map[string]bool{"drain": drain})
}

// Problems lists the errors of manifests.
func (c *Client) Problems(ctx context.Context) ([]view.Problem, error) {
	return get[[]view.Problem](ctx, c, "/manifests/errors", nil)
}
