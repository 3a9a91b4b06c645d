package client

import (
	"context"

	"github.com/wright-build/wright/master/api/view"
)

// Unowned lists what providers hold and nobody owns.
func (c *Client) Unowned(ctx context.Context) ([]view.Unowned, error) {
	return get[[]view.Unowned](ctx, c, "/reap", nil)
}

// ReapPlaces lists the providers that are asked what they hold.
func (c *Client) ReapPlaces(ctx context.Context) ([]view.ReapPlace, error) {
	return get[[]view.ReapPlace](ctx, c, "/reap/places", nil)
}

// Reap has providers looked at now, "" for all that are in use, and gives what
// is unowned then. With force what Unowned lists ends, whatever it is.
func (c *Client) Reap(ctx context.Context, provider string, force bool) ([]view.Unowned, error) {
	return post[[]view.Unowned](ctx, c, "/reap", map[string]any{"provider": provider, "force": force})
}
