package runner

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// NewClient gives the provider at the other end of a connection.
func NewClient(conn grpc.ClientConnInterface) Provider {
	return &client{rpc: pluginv1.NewRunnerServiceClient(conn)}
}

type client struct {
	rpc pluginv1.RunnerServiceClient
}

var _ Provider = (*client)(nil)

func (c *client) Create(ctx context.Context, s Spec) (*Sandbox, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("create sandbox: %w", err)
	}
	config, err := plugins.EncodeConfig(s.Config)
	if err != nil {
		return nil, fmt.Errorf("create sandbox: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.CreateSandbox(ctx, &pluginv1.CreateSandboxRequest{
		Token: s.Token, Workspace: s.Workspace, Tags: s.Tags, ConfigJson: config,
	})
	var answer *pluginv1.Sandbox
	err = plugins.Receive(ctx, stream, err, func(r *pluginv1.CreateSandboxResponse) error {
		answer = r.GetSandbox()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("create sandbox: %w", err)
	}
	made, err := fromProto(answer, s.Token)
	if err != nil {
		return nil, fmt.Errorf("create sandbox: %w", err)
	}
	return &made, nil
}

func (c *client) Command(ctx context.Context, token string, command Command) (*Command, error) {
	if err := plugins.CheckToken("token", token); err != nil {
		return nil, fmt.Errorf("wrap command: %w", err)
	}
	if err := command.Validate(); err != nil {
		return nil, fmt.Errorf("wrap command: %w", err)
	}
	r, err := c.rpc.GetCommand(ctx, &pluginv1.GetCommandRequest{Token: token, Command: commandToProto(command)})
	if err != nil {
		return nil, fmt.Errorf("wrap command: %w", plugins.FromStatus(err))
	}
	wrapped := commandFromProto(r.GetCommand())
	if err := plugins.BadAnswer(wrapped.Validate()); err != nil {
		return nil, fmt.Errorf("wrap command: %w", err)
	}
	return &wrapped, nil
}

func (c *client) List(ctx context.Context, tags map[string]string) ([]Sandbox, error) {
	if err := plugins.CheckTags(tags); err != nil {
		return nil, fmt.Errorf("list sandboxes: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ListSandboxes(ctx, &pluginv1.ListSandboxesRequest{Tags: tags})
	list := []Sandbox{}
	err = plugins.Receive(ctx, stream, err, func(r *pluginv1.ListSandboxesResponse) error {
		for _, s := range r.GetSandboxes() {
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
		return nil, fmt.Errorf("list sandboxes: %w", err)
	}
	return list, nil
}

func (c *client) Delete(ctx context.Context, token string) error {
	if err := plugins.CheckToken("token", token); err != nil {
		return fmt.Errorf("delete sandbox: %w", err)
	}
	if _, err := c.rpc.DeleteSandbox(ctx, &pluginv1.DeleteSandboxRequest{Token: token}); err != nil {
		return fmt.Errorf("delete sandbox: %w", plugins.FromStatus(err))
	}
	return nil
}
