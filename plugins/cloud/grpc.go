package cloud

import (
	"context"
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
	return plugins.Plugin{
		Kind: plugins.Cloud, Name: name, Version: version, Configurer: configurer,
		Register: func(r grpc.ServiceRegistrar) {
			pluginv1.RegisterCloudServiceServer(r, &server{provider: p})
		},
	}
}

// NewClient gives the provider at the other end of a connection.
func NewClient(conn grpc.ClientConnInterface) Provider {
	return &client{rpc: pluginv1.NewCloudServiceClient(conn)}
}

type client struct {
	rpc pluginv1.CloudServiceClient
}

var _ Provider = (*client)(nil)

func (c *client) Create(ctx context.Context, s Spec) (*Server, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("create server: %w", err)
	}
	config, err := plugins.EncodeConfig(s.Config)
	if err != nil {
		return nil, fmt.Errorf("create server %q: %w", s.Name, err)
	}
	r, err := c.rpc.CreateServer(ctx, &pluginv1.CreateServerRequest{
		Token: s.Token, Name: s.Name, Flavor: s.Flavor, Image: s.Image,
		Tags: s.Tags, Env: s.Env, ConfigJson: config,
	})
	if err != nil {
		return nil, fmt.Errorf("create server %q: %w", s.Name, plugins.FromStatus(err))
	}
	made := fromProto(r.GetServer())
	return &made, nil
}

func (c *client) Get(ctx context.Context, token string) (*Server, error) {
	if err := plugins.CheckToken("token", token); err != nil {
		return nil, fmt.Errorf("get server: %w", err)
	}
	r, err := c.rpc.GetServer(ctx, &pluginv1.GetServerRequest{Token: token})
	if err != nil {
		return nil, fmt.Errorf("get server: %w", plugins.FromStatus(err))
	}
	found := fromProto(r.GetServer())
	return &found, nil
}

func (c *client) List(ctx context.Context, tags map[string]string) ([]Server, error) {
	if err := plugins.CheckTags(tags); err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	r, err := c.rpc.ListServers(ctx, &pluginv1.ListServersRequest{Tags: tags})
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", plugins.FromStatus(err))
	}
	list := make([]Server, 0, len(r.GetServers()))
	for _, s := range r.GetServers() {
		list = append(list, fromProto(s))
	}
	return list, nil
}

func (c *client) Delete(ctx context.Context, token string) error {
	if err := plugins.CheckToken("token", token); err != nil {
		return fmt.Errorf("delete server: %w", err)
	}
	if _, err := c.rpc.DeleteServer(ctx, &pluginv1.DeleteServerRequest{Token: token}); err != nil {
		return fmt.Errorf("delete server: %w", plugins.FromStatus(err))
	}
	return nil
}

// server is the plugin's end.
type server struct {
	pluginv1.UnimplementedCloudServiceServer
	provider Provider
}

func (s *server) CreateServer(ctx context.Context, r *pluginv1.CreateServerRequest) (*pluginv1.CreateServerResponse, error) {
	config, err := plugins.DecodeConfig(r.GetConfigJson())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	spec := Spec{
		Token: r.GetToken(), Name: r.GetName(), Flavor: r.GetFlavor(), Image: r.GetImage(),
		Tags: r.GetTags(), Env: r.GetEnv(), Config: config,
	}
	if err := spec.Validate(); err != nil {
		return nil, plugins.ToStatus(err)
	}
	made, err := s.provider.Create(ctx, spec)
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.CreateServerResponse{Server: toProto(*made)}, nil
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

func (s *server) ListServers(ctx context.Context, r *pluginv1.ListServersRequest) (*pluginv1.ListServersResponse, error) {
	list, err := s.provider.List(ctx, r.GetTags())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	reply := &pluginv1.ListServersResponse{Servers: make([]*pluginv1.Server, 0, len(list))}
	for _, found := range list {
		reply.Servers = append(reply.Servers, toProto(found))
	}
	return reply, nil
}

func (s *server) DeleteServer(ctx context.Context, r *pluginv1.DeleteServerRequest) (*pluginv1.DeleteServerResponse, error) {
	if err := plugins.CheckToken("token", r.GetToken()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	if err := s.provider.Delete(ctx, r.GetToken()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.DeleteServerResponse{}, nil
}

func toProto(s Server) *pluginv1.Server {
	return &pluginv1.Server{
		Token: s.Token, Name: s.Name, Address: s.Address, Port: int32(s.Port), State: s.State,
		Tags: s.Tags, CreatedAt: timestamppb.New(s.CreatedAt), Variables: s.Variables,
	}
}

func fromProto(s *pluginv1.Server) Server {
	return Server{
		Token: s.GetToken(), Name: s.GetName(), Address: s.GetAddress(), Port: int(s.GetPort()), State: s.GetState(),
		Tags: s.GetTags(), CreatedAt: s.GetCreatedAt().AsTime(), Variables: s.GetVariables(),
	}
}
