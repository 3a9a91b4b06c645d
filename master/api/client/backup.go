package client

import (
	"context"
	"io"
	"net/http"
)

// Backup is what goes into an archive of a master.
type Backup struct {
	WithoutOutput bool     `json:"without_output,omitempty"` // no logs and artifacts
	Recipients    []string `json:"recipients,omitempty"`     // of age, for the key of the secrets
	ClearKey      bool     `json:"clear_key,omitempty"`      // the key of the secrets as it is
}

// Backup opens an archive of all that the master keeps, which the caller closes.
// Whether it has come whole is in it.
func (c *Client) Backup(ctx context.Context, b Backup) (io.ReadCloser, error) {
	resp, err := c.send(ctx, http.MethodPost, "/backup", b)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
