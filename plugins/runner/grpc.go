package runner

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
	return plugins.Plugin{
		Kind: plugins.Runner, Name: name, Version: version, Configurer: configurer,
		Register: func(r grpc.ServiceRegistrar, config plugins.Schema) {
			pluginv1.RegisterRunnerServiceServer(r, &server{provider: p, config: config})
		},
	}
}

// server is the plugin's end.
type server struct {
	pluginv1.UnimplementedRunnerServiceServer
	provider Provider
	config   plugins.Schema
}

func (s *server) CreateSandbox(r *pluginv1.CreateSandboxRequest, stream grpc.ServerStreamingServer[pluginv1.CreateSandboxResponse]) error {
	config, err := s.config.Decode("config", r.GetConfigJson())
	if err != nil {
		return plugins.ToStatus(err)
	}
	spec := Spec{Token: r.GetToken(), Workspace: r.GetWorkspace(), Tags: r.GetTags(), Config: config}
	if err := spec.Validate(); err != nil {
		return plugins.ToStatus(err)
	}
	ctx, end := plugins.Reporting(stream.Context(), func(p *pluginv1.Progress) error {
		return stream.Send(&pluginv1.CreateSandboxResponse{Progress: p})
	})
	made, err := s.provider.Create(ctx, spec)
	end()
	if err != nil {
		return plugins.ToStatus(err)
	}
	return stream.Send(&pluginv1.CreateSandboxResponse{Sandbox: toProto(*made)})
}

func (s *server) GetCommand(ctx context.Context, r *pluginv1.GetCommandRequest) (*pluginv1.GetCommandResponse, error) {
	if err := plugins.CheckToken("token", r.GetToken()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	command := commandFromProto(r.GetCommand())
	if err := command.Validate(); err != nil {
		return nil, plugins.ToStatus(err)
	}
	wrapped, err := s.provider.Command(ctx, r.GetToken(), command)
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.GetCommandResponse{Command: commandToProto(*wrapped)}, nil
}

func (s *server) ListSandboxes(r *pluginv1.ListSandboxesRequest, stream grpc.ServerStreamingServer[pluginv1.ListSandboxesResponse]) error {
	if err := plugins.CheckTags(r.GetTags()); err != nil {
		return plugins.ToStatus(err)
	}
	found, err := s.provider.List(stream.Context(), r.GetTags())
	if err != nil {
		return plugins.ToStatus(err)
	}
	list := make([]*pluginv1.Sandbox, 0, len(found))
	for _, f := range found {
		list = append(list, toProto(f))
	}
	return plugins.Send(list, func(part []*pluginv1.Sandbox) error {
		return stream.Send(&pluginv1.ListSandboxesResponse{Sandboxes: part})
	})
}

func (s *server) DeleteSandbox(ctx context.Context, r *pluginv1.DeleteSandboxRequest) (*pluginv1.DeleteSandboxResponse, error) {
	if err := plugins.CheckToken("token", r.GetToken()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	if err := s.provider.Delete(ctx, r.GetToken()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.DeleteSandboxResponse{}, nil
}

func toProto(s Sandbox) *pluginv1.Sandbox {
	return &pluginv1.Sandbox{Token: s.Token, Tags: s.Tags, CreatedAt: timestamppb.New(s.CreatedAt)}
}

// fromProto reads a sandbox that a plugin answers with; see Sandbox.check.
func fromProto(s *pluginv1.Sandbox, want string) (Sandbox, error) {
	if s == nil {
		return Sandbox{}, plugins.BadAnswer(errors.New("it holds no sandbox"))
	}
	found := Sandbox{Token: s.GetToken(), Tags: s.GetTags()}
	if at := s.GetCreatedAt(); at != nil {
		if err := at.CheckValid(); err != nil {
			return Sandbox{}, plugins.BadAnswer(fmt.Errorf("created_at: %w", err))
		}
		found.CreatedAt = at.AsTime()
	}
	return found, plugins.BadAnswer(found.check(want))
}

func commandToProto(c Command) *pluginv1.Command {
	return &pluginv1.Command{Args: c.Args, Env: c.Env, Dir: c.Dir}
}

func commandFromProto(c *pluginv1.Command) Command {
	return Command{Args: c.GetArgs(), Env: c.GetEnv(), Dir: c.GetDir()}
}
