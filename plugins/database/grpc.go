package database

import (
	"context"
	"errors"

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
		Register: func(r grpc.ServiceRegistrar, config plugins.Schema) {
			pluginv1.RegisterDatabaseServiceServer(r, &server{provider: p, config: config})
		},
	}
}

// server is the plugin's end.
type server struct {
	pluginv1.UnimplementedDatabaseServiceServer
	provider Provider
	config   plugins.Schema
}

func (s *server) CreateDatabase(r *pluginv1.CreateDatabaseRequest, stream grpc.ServerStreamingServer[pluginv1.CreateDatabaseResponse]) error {
	config, err := s.config.Decode("config", r.GetConfigJson())
	if err != nil {
		return plugins.ToStatus(err)
	}
	spec := Spec{
		Token: r.GetToken(), Name: r.GetName(), Instance: r.GetInstance(), Persistent: r.GetPersistent(),
		Tags: r.GetTags(), Config: config, Password: r.GetPassword(),
	}
	if err := spec.Validate(); err != nil {
		return plugins.ToStatus(err)
	}
	ctx, end := plugins.Reporting(stream.Context(), func(p *pluginv1.Progress) error {
		return stream.Send(&pluginv1.CreateDatabaseResponse{Progress: p})
	})
	made, err := s.provider.Create(ctx, spec)
	end()
	if err != nil {
		return plugins.ToStatus(err)
	}
	return stream.Send(&pluginv1.CreateDatabaseResponse{Database: toProto(*made)})
}

func (s *server) ListDatabases(r *pluginv1.ListDatabasesRequest, stream grpc.ServerStreamingServer[pluginv1.ListDatabasesResponse]) error {
	if err := plugins.CheckTags(r.GetTags()); err != nil {
		return plugins.ToStatus(err)
	}
	found, err := s.provider.List(stream.Context(), r.GetTags())
	if err != nil {
		return plugins.ToStatus(err)
	}
	list := make([]*pluginv1.Database, 0, len(found))
	for _, d := range found {
		list = append(list, toProto(d))
	}
	return plugins.Send(list, func(part []*pluginv1.Database) error {
		return stream.Send(&pluginv1.ListDatabasesResponse{Databases: part})
	})
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

// fromProto reads a database that a plugin answers with; see Database.check.
func fromProto(d *pluginv1.Database, want string) (Database, error) {
	if d == nil {
		return Database{}, plugins.BadAnswer(errors.New("it holds no database"))
	}
	found := Database{
		Token: d.GetToken(), Name: d.GetName(), URL: d.GetUrl(), Variables: d.GetVariables(),
		Persistent: d.GetPersistent(), Tags: d.GetTags(),
	}
	return found, plugins.BadAnswer(found.check(want))
}
