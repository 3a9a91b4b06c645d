package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Serve answers the host until it says goodbye or ends, in whatever way: the
// standard input is a pipe from the host that nobody writes to, and its end is
// the end of this process and of every process that it left in its group. What
// the provider prints goes to the agent's log; Settings.Log does it better.
// Serve does not return if the process was not started by a host, or if the
// plugin cannot be served as it is.
func Serve(p Plugin) {
	if os.Getenv(CookieKey) != CookieValue {
		fmt.Fprintf(os.Stderr, "This is %s %s, a plugin of Wright. Wright starts it by itself when it lies in one of the agent's plugin directories; "+
			"see what it is with: wright plugin info %[1]s\n", BinaryName(p.Kind, p.Name), version(p))
		os.Exit(1)
	}
	go exitWithHost(os.Stdin, os.Getenv(socketDirKey))
	if err := serve(p, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "serve %s: %v\n", BinaryName(p.Kind, p.Name), err)
		os.Exit(1)
	}
}

// serve does the handshake over stdout and answers until it is told to stop.
func serve(p Plugin, stdout, stderr *os.File) error {
	signal.Ignore(os.Interrupt) // it is meant for the host, which ends us in its own way
	protocol, err := agree(os.Getenv(protocolsKey))
	if err != nil {
		return err
	}
	server, err := newServer(p, protocol, slog.New(newLogHandler(stderr)))
	if err != nil {
		return err
	}
	identity, credentials, err := mutualTLS(os.Getenv(clientCertKey))
	if err != nil {
		return err
	}
	listener, err := listen(os.Getenv(socketDirKey))
	if err != nil {
		return err
	}
	options := append(lastWords(), grpc.Creds(credentials), grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage))
	s := grpc.NewServer(append(options, protocol.options()...)...)
	server.register(s)
	if _, err := io.WriteString(stdout, handshakeLine(protocol, listener.Addr(), identity)); err != nil {
		return fmt.Errorf("tell the host where to call: %w", err)
	}
	os.Stdout = stderr // the host reads no more of the other
	return s.Serve(listener)
}

func listen(dir string) (net.Listener, error) {
	f, err := os.CreateTemp(dir, "plugin")
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	path := f.Name()
	if err := errors.Join(f.Close(), os.Remove(path)); err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	return l, nil
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

// pluginServer answers what every plugin is asked.
type pluginServer struct {
	pluginv1.UnimplementedPluginServiceServer
	plugin      Plugin
	description *pluginv1.DescribeResponse
	log         *slog.Logger
}

func newServer(p Plugin, protocol protocol, log *slog.Logger) (*pluginServer, error) {
	if p.Register == nil {
		return nil, errors.New("it registers no service: make the plugin with the function of its kind, such as cloud.Plugin")
	}
	d := &pluginv1.DescribeResponse{
		Kind: string(p.Kind), Name: p.Name, Version: version(p), Capabilities: p.Capabilities, Doc: p.Doc,
	}
	for _, s := range []Schema{p.Settings, p.Config} {
		if err := s.Validate(); err != nil {
			return nil, err
		}
	}
	if protocol < 2 {
		return &pluginServer{plugin: p, description: d, log: log}, nil
	}
	var err, err2 error
	d.Settings, err = p.Settings.toProto()
	d.Config, err2 = p.Config.toProto()
	return &pluginServer{plugin: p, description: d, log: log}, errors.Join(err, err2)
}

func (s *pluginServer) register(to *grpc.Server) {
	h := health.NewServer()
	h.SetServingStatus(healthService, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(to, h)
	registerController(to, to.Stop)
	pluginv1.RegisterPluginServiceServer(to, s)
	s.plugin.Register(to, s.plugin.Config)
}

func (s *pluginServer) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	return s.description, nil
}

func (s *pluginServer) Configure(ctx context.Context, r *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	config, err := s.plugin.Settings.Decode("settings", r.GetConfigJson())
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
