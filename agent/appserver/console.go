package appserver

import (
	"context"
	"fmt"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// Console gives the last output of the AppServer of an attempt; nothing where
// there is no server, or the cloud shows none.
func (k *Keeper) Console(ctx context.Context, w *agentv1.Work) ([]byte, error) {
	a := w.GetAppserver()
	p, err := k.Providers.Cloud(ctx, a.GetCloud())
	if err != nil {
		return nil, err
	}
	c, ok := p.(cloud.Consoler)
	if !ok {
		return nil, nil
	}
	output, err := c.Console(ctx, a.GetId())
	if code := plugins.CodeOf(err); code == plugins.Unsupported || code == plugins.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("console of AppServer %s at %s: %w", a.GetId(), a.GetCloud(), err)
	}
	return output, nil
}
