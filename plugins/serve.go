package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Handshake is what a host and its plugins agree on before anything else. The
// cookie is no secret: it only tells a launch by a host from one by a person.
func Handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{
		ProtocolVersion:  1,
		MagicCookieKey:   "WRIGHT_PLUGIN_COOKIE",
		MagicCookieValue: "1d6a0a54-wright-plugin",
	}
}

// Serve answers the host until it says goodbye or ends, in whatever way: the
// standard input is a pipe from the host that nobody writes to, and its end is
// the end of this process and of every process that it left in its group. Serve
// takes over standard output; a provider logs through Settings.Log. It does not
// return if the process was not started by a host.
func Serve(p Plugin) {
	hs := Handshake()
	if os.Getenv(hs.MagicCookieKey) != hs.MagicCookieValue {
		fmt.Fprintf(os.Stderr, "This is %s %s, a plugin of Wright. Wright starts it by itself when it lies in one of the agent's plugin directories.\n",
			BinaryName(p.Kind, p.Name), version(p))
		os.Exit(1)
	}
	go exitWithHost(os.Stdin, os.Getenv(goplugin.EnvUnixSocketDir))

	// Both write to the standard error as it is now: go-plugin replaces it.
	log := slog.New(newLogHandler(os.Stderr))
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: hs,
		Plugins:         goplugin.PluginSet{string(p.Kind): &servedPlugin{plugin: p, log: log}},
		GRPCServer:      newGRPCServer,
		Logger: hclog.New(&hclog.LoggerOptions{
			Level: hclog.Warn, Output: os.Stderr, JSONFormat: true,
		}),
	})
}

func newGRPCServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(opts,
		grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage))...)
}

// exitWithHost is owned by the process: it ends when the process does.
func exitWithHost(lifeline io.Reader, socketDir string) {
	_, _ = io.Copy(io.Discard, lifeline)
	if socketDir != "" {
		_ = os.RemoveAll(socketDir) // the host made it and can no longer remove it
	}
	killGroup()
	os.Exit(1)
}

// servedPlugin registers the two services of a plugin.
type servedPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	plugin Plugin
	log    *slog.Logger
}

var _ goplugin.GRPCPlugin = (*servedPlugin)(nil)

func (s *servedPlugin) GRPCServer(_ *goplugin.GRPCBroker, server *grpc.Server) error {
	if s.plugin.Register == nil {
		return fmt.Errorf("plugin %s registers no service", BinaryName(s.plugin.Kind, s.plugin.Name))
	}
	pluginv1.RegisterPluginServiceServer(server, &pluginServer{plugin: s.plugin, log: s.log})
	s.plugin.Register(server)
	return nil
}

func (s *servedPlugin) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a served plugin has no client")
}

// pluginServer answers what every plugin is asked.
type pluginServer struct {
	pluginv1.UnimplementedPluginServiceServer
	plugin Plugin
	log    *slog.Logger
}

func (s *pluginServer) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	return &pluginv1.DescribeResponse{
		Kind: string(s.plugin.Kind), Name: s.plugin.Name, Version: version(s.plugin),
	}, nil
}

func (s *pluginServer) Configure(ctx context.Context, r *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	config, err := DecodeConfig(r.GetConfigJson())
	if err != nil {
		return nil, ToStatus(err)
	}
	if s.plugin.Configurer == nil {
		return &pluginv1.ConfigureResponse{}, nil
	}
	err = s.plugin.Configurer.Configure(ctx, Settings{
		StateDir: r.GetStateDir(), Installation: r.GetInstallation(), Config: config, Log: s.log,
	})
	if err != nil {
		return nil, ToStatus(err)
	}
	return &pluginv1.ConfigureResponse{}, nil
}

func version(p Plugin) string {
	if p.Version != "" {
		return p.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
