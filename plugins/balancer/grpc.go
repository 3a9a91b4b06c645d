package balancer

import (
	"context"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Plugin makes a provider servable with plugins.Serve. An empty version means
// the one that the Go toolchain recorded.
func Plugin(name, version string, p Provider) plugins.Plugin {
	configurer, _ := p.(plugins.Configurer)
	return plugins.Plugin{
		Kind: plugins.Balancer, Name: name, Version: version, Configurer: configurer,
		Register: func(r grpc.ServiceRegistrar, config plugins.Schema) {
			pluginv1.RegisterBalancerServiceServer(r, &server{provider: p, config: config})
		},
	}
}

// server is the plugin's end.
type server struct {
	pluginv1.UnimplementedBalancerServiceServer
	provider Provider
	config   plugins.Schema
}

func (s *server) SetRoute(ctx context.Context, r *pluginv1.SetRouteRequest) (*pluginv1.SetRouteResponse, error) {
	config, err := s.config.Decode("config", r.GetConfigJson())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	spec := Spec{Name: r.GetName(), Targets: fromProto(r.GetTargets()), Tags: r.GetTags(), Config: config}
	if err := spec.Validate(); err != nil {
		return nil, plugins.ToStatus(err)
	}
	if err := s.provider.Set(ctx, spec); err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.SetRouteResponse{}, nil
}

func (s *server) ListRoutes(r *pluginv1.ListRoutesRequest, stream grpc.ServerStreamingServer[pluginv1.ListRoutesResponse]) error {
	if err := plugins.CheckTags(r.GetTags()); err != nil {
		return plugins.ToStatus(err)
	}
	found, err := s.provider.List(stream.Context(), r.GetTags())
	if err != nil {
		return plugins.ToStatus(err)
	}
	list := make([]*pluginv1.Route, 0, len(found))
	for _, f := range found {
		list = append(list, &pluginv1.Route{Name: f.Name, Targets: toProto(f.Targets), Tags: f.Tags})
	}
	return plugins.Send(list, func(part []*pluginv1.Route) error {
		return stream.Send(&pluginv1.ListRoutesResponse{Routes: part})
	})
}

func (s *server) DeleteRoute(ctx context.Context, r *pluginv1.DeleteRouteRequest) (*pluginv1.DeleteRouteResponse, error) {
	if err := (Route{Name: r.GetName(), Tags: r.GetTags()}).check(); err != nil {
		return nil, plugins.ToStatus(err)
	}
	if err := s.provider.Delete(ctx, r.GetName(), r.GetTags()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.DeleteRouteResponse{}, nil
}

func toProto(targets []Target) []*pluginv1.Target {
	list := make([]*pluginv1.Target, 0, len(targets))
	for _, t := range targets {
		list = append(list, &pluginv1.Target{Address: t.Address, Port: int32(t.Port)})
	}
	return list
}

func fromProto(targets []*pluginv1.Target) []Target {
	list := make([]Target, 0, len(targets))
	for _, t := range targets {
		list = append(list, Target{Address: t.GetAddress(), Port: int(t.GetPort())})
	}
	return list
}
