package balancer

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// NewClient gives the provider at the other end of a connection.
func NewClient(conn grpc.ClientConnInterface) Provider {
	return &client{rpc: pluginv1.NewBalancerServiceClient(conn)}
}

type client struct {
	rpc pluginv1.BalancerServiceClient
}

var _ Provider = (*client)(nil)

func (c *client) Set(ctx context.Context, s Spec) error {
	if err := s.Validate(); err != nil {
		return fmt.Errorf("set route: %w", err)
	}
	config, err := plugins.EncodeConfig(s.Config)
	if err != nil {
		return fmt.Errorf("set route %s: %w", s.Name, err)
	}
	_, err = c.rpc.SetRoute(ctx, &pluginv1.SetRouteRequest{
		Name: s.Name, Targets: toProto(s.Targets), Tags: s.Tags, ConfigJson: config,
	})
	if err != nil {
		return fmt.Errorf("set route %s: %w", s.Name, plugins.FromStatus(err))
	}
	return nil
}

func (c *client) List(ctx context.Context, tags map[string]string) ([]Route, error) {
	if err := plugins.CheckTags(tags); err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ListRoutes(ctx, &pluginv1.ListRoutesRequest{Tags: tags})
	list := []Route{}
	err = plugins.Receive(ctx, stream, err, func(r *pluginv1.ListRoutesResponse) error {
		for _, p := range r.GetRoutes() {
			route := Route{Name: p.GetName(), Targets: fromProto(p.GetTargets()), Tags: p.GetTags()}
			if err := plugins.BadAnswer(route.check()); err != nil {
				return err
			}
			if err := plugins.CheckSelected(route.Tags, tags); err != nil {
				return err
			}
			list = append(list, route)
		}
		return plugins.CheckCount(len(list))
	})
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	return list, nil
}

func (c *client) Delete(ctx context.Context, name string, tags map[string]string) error {
	if err := (Route{Name: name, Tags: tags}).check(); err != nil {
		return fmt.Errorf("delete route: %w", err)
	}
	if _, err := c.rpc.DeleteRoute(ctx, &pluginv1.DeleteRouteRequest{Name: name, Tags: tags}); err != nil {
		return fmt.Errorf("delete route %s: %w", name, plugins.FromStatus(err))
	}
	return nil
}
