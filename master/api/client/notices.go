package client

import (
	"context"
	"net/http"

	"github.com/wright-build/wright/master/api/view"
)

// Notices lists what somebody is still to hear of.
func (c *Client) Notices(ctx context.Context) ([]view.Notice, error) {
	return get[[]view.Notice](ctx, c, "/notices", nil)
}

// TestMail has the master send a mail that says only that it came.
func (c *Client) TestMail(ctx context.Context, address string) error {
	resp, err := c.send(ctx, http.MethodPost, "/notices/test", map[string]string{"address": address})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
