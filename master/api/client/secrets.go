package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/wright-build/wright/master/api/view"
)

// Secrets lists the secrets that the master keeps: their names.
func (c *Client) Secrets(ctx context.Context) ([]view.Secret, error) {
	return get[[]view.Secret](ctx, c, "/secrets", nil)
}

// SetSecret has the master keep a secret, in place of one of that name. Manifests
// of instances that fit a pattern may name it; nil leaves that as it is.
func (c *Client) SetSecret(ctx context.Context, name, value string, instances []string) (view.Secret, error) {
	return post[view.Secret](ctx, c, "/secrets/"+url.PathEscape(name), map[string]any{"value": value, "instances": instances})
}

// DeleteSecret has the master forget a secret.
func (c *Client) DeleteSecret(ctx context.Context, name string) error {
	resp, err := c.send(ctx, http.MethodDelete, "/secrets/"+url.PathEscape(name), nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
