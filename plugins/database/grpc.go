package database

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Plugin makes a provider servable with plugins.Serve. An empty version means
// the one that the Go toolchain recorded.
func Plugin(name, version string, p Provider) plugins.Plugin {
	configurer, _ := p.(plugins.Configurer)
	return plugins.Plugin{
		Kind: plugins.Database, Name: name, Version: version, Configurer: configurer,
		Register: func(r grpc.ServiceRegistrar) {
			pluginv1.RegisterDatabaseServiceServer(r, &server{provider: p})
		},
	}
}

// NewClient gives the provider at the other end of a connection.
func NewClient(conn grpc.ClientConnInterface) Provider {
	return &client{rpc: pluginv1.NewDatabaseServiceClient(conn)}
}

type client struct {
	rpc pluginv1.DatabaseServiceClient
}

var _ Provider = (*client)(nil)

func (c *client) Create(ctx context.Context, s Spec) (*Database, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	config, err := plugins.EncodeConfig(s.Config)
	if err != nil {
		return nil, fmt.Errorf("create database %q: %w", s.Name, err)
	}
	r, err := c.rpc.CreateDatabase(ctx, &pluginv1.CreateDatabaseRequest{
		Token: s.Token, Name: s.Name, Instance: s.Instance, Persistent: s.Persistent,
		Tags: s.Tags, ConfigJson: config,
	})
	if err != nil {
		return nil, fmt.Errorf("create database %q: %w", s.Name, plugins.FromStatus(err))
	}
	made := fromProto(r.GetDatabase())
	return &made, nil
}

func (c *client) List(ctx context.Context, tags map[string]string) ([]Database, error) {
	if err := plugins.CheckTags(tags); err != nil {
		return nil, fmt.Errorf("list databases: %w", err)
	}
	r, err := c.rpc.ListDatabases(ctx, &pluginv1.ListDatabasesRequest{Tags: tags})
	if err != nil {
		return nil, fmt.Errorf("list databases: %w", plugins.FromStatus(err))
	}
	list := make([]Database, 0, len(r.GetDatabases()))
	for _, d := range r.GetDatabases() {
		list = append(list, fromProto(d))
	}
	return list, nil
}

func (c *client) Delete(ctx context.Context, token string) error {
	if err := plugins.CheckToken("token", token); err != nil {
		return fmt.Errorf("delete database: %w", err)
	}
	if _, err := c.rpc.DeleteDatabase(ctx, &pluginv1.DeleteDatabaseRequest{Token: token}); err != nil {
		return fmt.Errorf("delete database: %w", plugins.FromStatus(err))
	}
	return nil
}

// server is the plugin's end.
type server struct {
	pluginv1.UnimplementedDatabaseServiceServer
	provider Provider
}

func (s *server) CreateDatabase(ctx context.Context, r *pluginv1.CreateDatabaseRequest) (*pluginv1.CreateDatabaseResponse, error) {
	config, err := plugins.DecodeConfig(r.GetConfigJson())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	spec := Spec{
		Token: r.GetToken(), Name: r.GetName(), Instance: r.GetInstance(), Persistent: r.GetPersistent(),
		Tags: r.GetTags(), Config: config,
	}
	if err := spec.Validate(); err != nil {
		return nil, plugins.ToStatus(err)
	}
	made, err := s.provider.Create(ctx, spec)
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.CreateDatabaseResponse{Database: toProto(*made)}, nil
}

func (s *server) ListDatabases(ctx context.Context, r *pluginv1.ListDatabasesRequest) (*pluginv1.ListDatabasesResponse, error) {
	list, err := s.provider.List(ctx, r.GetTags())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	reply := &pluginv1.ListDatabasesResponse{Databases: make([]*pluginv1.Database, 0, len(list))}
	for _, d := range list {
		reply.Databases = append(reply.Databases, toProto(d))
	}
	return reply, nil
}

func (s *server) DeleteDatabase(ctx context.Context, r *pluginv1.DeleteDatabaseRequest) (*pluginv1.DeleteDatabaseResponse, error) {
	if err := plugins.CheckToken("token", r.GetToken()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	if err := s.provider.Delete(ctx, r.GetToken()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.DeleteDatabaseResponse{}, nil
}

func toProto(d Database) *pluginv1.Database {
	return &pluginv1.Database{
		Token: d.Token, Name: d.Name, Url: d.URL, Variables: d.Variables, Persistent: d.Persistent, Tags: d.Tags,
	}
}

func fromProto(d *pluginv1.Database) Database {
	return Database{
		Token: d.GetToken(), Name: d.GetName(), URL: d.GetUrl(), Variables: d.GetVariables(),
		Persistent: d.GetPersistent(), Tags: d.GetTags(),
	}
}
