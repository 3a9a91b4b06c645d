package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/wright-build/wright/master/api/view"
)

// Artifacts lists the files that a build has kept.
func (c *Client) Artifacts(ctx context.Context, build string) ([]view.Artifact, error) {
	return get[[]view.Artifact](ctx, c, "/builds/"+url.PathEscape(build)+"/artifacts", nil)
}

// Artifact opens one of them, which the caller closes.
func (c *Client) Artifact(ctx context.Context, build, path string) (io.ReadCloser, error) {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	resp, err := c.send(ctx, http.MethodGet, "/builds/"+url.PathEscape(build)+"/artifacts/"+strings.Join(parts, "/"), nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Tests says what a build's test reports say.
func (c *Client) Tests(ctx context.Context, build string) (view.Tests, error) {
	return get[view.Tests](ctx, c, "/builds/"+url.PathEscape(build)+"/tests", nil)
}
