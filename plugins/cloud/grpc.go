package cloud

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Plugin makes a provider servable with plugins.Serve. An empty version means
// the one that the Go toolchain recorded.
func Plugin(name, version string, p Provider) plugins.Plugin {
	configurer, _ := p.(plugins.Configurer)
	plugin := plugins.Plugin{
		Kind: plugins.Cloud, Name: name, Version: version, Configurer: configurer,
		Register: func(r grpc.ServiceRegistrar, config plugins.Schema) {
			pluginv1.RegisterCloudServiceServer(r, &server{provider: p, config: config})
		},
	}
	if _, ok := p.(Consoler); ok {
		plugin.Capabilities = append(plugin.Capabilities, Console)
	}
	return plugin
}

// server is the plugin's end.
type server struct {
	pluginv1.UnimplementedCloudServiceServer
	provider Provider
	config   plugins.Schema
}

func (s *server) CreateServer(r *pluginv1.CreateServerRequest, stream grpc.ServerStreamingServer[pluginv1.CreateServerResponse]) error {
	config, err := s.config.Decode("config", r.GetConfigJson())
	if err != nil {
		return plugins.ToStatus(err)
	}
	spec := Spec{
		Token: r.GetToken(), Name: r.GetName(), Flavor: r.GetFlavor(), Image: r.GetImage(),
		Tags: r.GetTags(), Env: r.GetEnv(), Config: config,
	}
	if err := spec.Validate(); err != nil {
		return plugins.ToStatus(err)
	}
	ctx, end := plugins.Reporting(stream.Context(), func(p *pluginv1.Progress) error {
		return stream.Send(&pluginv1.CreateServerResponse{Progress: p})
	})
	made, err := s.provider.Create(ctx, spec)
	end()
	if err != nil {
		return plugins.ToStatus(err)
	}
	return stream.Send(&pluginv1.CreateServerResponse{Server: toProto(*made)})
}

func (s *server) GetServer(ctx context.Context, r *pluginv1.GetServerRequest) (*pluginv1.GetServerResponse, error) {
	if err := plugins.CheckToken("token", r.GetToken()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	found, err := s.provider.Get(ctx, r.GetToken())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.GetServerResponse{Server: toProto(*found)}, nil
}

func (s *server) ListServers(r *pluginv1.ListServersRequest, stream grpc.ServerStreamingServer[pluginv1.ListServersResponse]) error {
	if err := plugins.CheckTags(r.GetTags()); err != nil {
		return plugins.ToStatus(err)
	}
	found, err := s.provider.List(stream.Context(), r.GetTags())
	if err != nil {
		return plugins.ToStatus(err)
	}
	list := make([]*pluginv1.Server, 0, len(found))
	for _, f := range found {
		list = append(list, toProto(f))
	}
	return plugins.Send(list, func(part []*pluginv1.Server) error {
		return stream.Send(&pluginv1.ListServersResponse{Servers: part})
	})
}

func (s *server) DeleteServer(r *pluginv1.DeleteServerRequest, stream grpc.ServerStreamingServer[pluginv1.DeleteServerResponse]) error {
	if err := plugins.CheckToken("token", r.GetToken()); err != nil {
		return plugins.ToStatus(err)
	}
	ctx, end := plugins.Reporting(stream.Context(), func(p *pluginv1.Progress) error {
		return stream.Send(&pluginv1.DeleteServerResponse{Progress: p})
	})
	err := s.provider.Delete(ctx, r.GetToken())
	end()
	if err != nil {
		return plugins.ToStatus(err)
	}
	return stream.Send(&pluginv1.DeleteServerResponse{})
}

func (s *server) GetConsole(ctx context.Context, r *pluginv1.GetConsoleRequest) (*pluginv1.GetConsoleResponse, error) {
	consoler, ok := s.provider.(Consoler)
	if !ok {
		return nil, plugins.ToStatus(plugins.Errorf(plugins.Unsupported, "this provider shows no consoles"))
	}
	if err := plugins.CheckToken("token", r.GetToken()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	output, err := consoler.Console(ctx, r.GetToken())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.GetConsoleResponse{Output: output[max(0, len(output)-MaxConsole):]}, nil
}

func toProto(s Server) *pluginv1.Server {
	return &pluginv1.Server{
		Token: s.Token, Name: s.Name, Address: s.Address, Port: int32(s.Port), State: s.State,
		Tags: s.Tags, CreatedAt: timestamppb.New(s.CreatedAt), Variables: s.Variables,
	}
}

// fromProto reads a server that a plugin answers with; see Server.check.
func fromProto(s *pluginv1.Server, want string) (Server, error) {
	if s == nil {
		return Server{}, plugins.BadAnswer(errors.New("it holds no server"))
	}
	found := Server{
		Token: s.GetToken(), Name: s.GetName(), Address: s.GetAddress(), Port: int(s.GetPort()), State: s.GetState(),
		Tags: s.GetTags(), Variables: s.GetVariables(),
	}
	if at := s.GetCreatedAt(); at != nil {
		if err := at.CheckValid(); err != nil {
			return Server{}, plugins.BadAnswer(fmt.Errorf("created_at: %w", err))
		}
		found.CreatedAt = at.AsTime()
	}
	return found, plugins.BadAnswer(found.check(want))
}
