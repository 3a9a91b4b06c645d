package cloud

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// NewClient gives the provider at the other end of a connection. It is a
// Consoler, too, whose answer is plugins.Unsupported where the provider is none.
func NewClient(conn grpc.ClientConnInterface) Provider {
	return &client{rpc: pluginv1.NewCloudServiceClient(conn)}
}

type client struct {
	rpc pluginv1.CloudServiceClient
}

var (
	_ Provider = (*client)(nil)
	_ Consoler = (*client)(nil)
)

func (c *client) Create(ctx context.Context, s Spec) (*Server, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("create server: %w", err)
	}
	config, err := plugins.EncodeConfig(s.Config)
	if err != nil {
		return nil, fmt.Errorf("create server %q: %w", s.Name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.CreateServer(ctx, &pluginv1.CreateServerRequest{
		Token: s.Token, Name: s.Name, Flavor: s.Flavor, Image: s.Image,
		Tags: s.Tags, Env: s.Env, ConfigJson: config,
	})
	var answer *pluginv1.Server
	err = plugins.Receive(ctx, stream, err, func(r *pluginv1.CreateServerResponse) error {
		answer = r.GetServer()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("create server %q: %w", s.Name, err)
	}
	made, err := fromProto(answer, s.Token)
	if err != nil {
		return nil, fmt.Errorf("create server %q: %w", s.Name, err)
	}
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
	found, err := fromProto(r.GetServer(), token)
	if err != nil {
		return nil, fmt.Errorf("get server: %w", err)
	}
	return &found, nil
}

func (c *client) List(ctx context.Context, tags map[string]string) ([]Server, error) {
	if err := plugins.CheckTags(tags); err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ListServers(ctx, &pluginv1.ListServersRequest{Tags: tags})
	list := []Server{}
	err = plugins.Receive(ctx, stream, err, func(r *pluginv1.ListServersResponse) error {
		for _, s := range r.GetServers() {
			found, err := fromProto(s, "")
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
		return nil, fmt.Errorf("list servers: %w", err)
	}
	return list, nil
}

func (c *client) Delete(ctx context.Context, token string) error {
	if err := plugins.CheckToken("token", token); err != nil {
		return fmt.Errorf("delete server: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.DeleteServer(ctx, &pluginv1.DeleteServerRequest{Token: token})
	err = plugins.Receive(ctx, stream, err, func(*pluginv1.DeleteServerResponse) error { return nil })
	if err != nil {
		return fmt.Errorf("delete server: %w", err)
	}
	return nil
}

// Console implements Consoler.
func (c *client) Console(ctx context.Context, token string) ([]byte, error) {
	if err := plugins.CheckToken("token", token); err != nil {
		return nil, fmt.Errorf("show the console: %w", err)
	}
	r, err := c.rpc.GetConsole(ctx, &pluginv1.GetConsoleRequest{Token: token})
	if err != nil {
		return nil, fmt.Errorf("show the console: %w", plugins.FromStatus(err))
	}
	output := r.GetOutput()
	return output[max(0, len(output)-MaxConsole):], nil
}
