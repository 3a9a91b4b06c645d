package database

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.CreateDatabase(ctx, &pluginv1.CreateDatabaseRequest{
		Token: s.Token, Name: s.Name, Instance: s.Instance, Persistent: s.Persistent,
		Tags: s.Tags, ConfigJson: config, Password: s.Password,
	})
	var answer *pluginv1.Database
	err = plugins.Receive(ctx, stream, err, func(r *pluginv1.CreateDatabaseResponse) error {
		answer = r.GetDatabase()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("create database %q: %w", s.Name, err)
	}
	made, err := fromProto(answer, s.Token)
	if err != nil {
		return nil, fmt.Errorf("create database %q: %w", s.Name, err)
	}
	return &made, nil
}

func (c *client) List(ctx context.Context, tags map[string]string) ([]Database, error) {
	if err := plugins.CheckTags(tags); err != nil {
		return nil, fmt.Errorf("list databases: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ListDatabases(ctx, &pluginv1.ListDatabasesRequest{Tags: tags})
	list := []Database{}
	err = plugins.Receive(ctx, stream, err, func(r *pluginv1.ListDatabasesResponse) error {
		for _, d := range r.GetDatabases() {
			found, err := fromProto(d, "")
			if err == nil {
				err = plugins.CheckSelected(found.Tags, tags)
			}
			if err != nil {
				return err
			}
			list = append(list, found)
		}
		return plugins.CheckCount(len(list))
	})
	if err != nil {
		return nil, fmt.Errorf("list databases: %w", err)
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
