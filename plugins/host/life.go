package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// life is one process of a plugin, from a launch that succeeded to its end.
type life struct {
	path    string
	pid     int
	about   *plugins.Description
	conn    *grpc.ClientConn
	client  *goplugin.Client
	process *process
}

// launch starts the process and configures the provider.
func (p *plugin) launch(ctx context.Context) (*life, error) {
	stateDir := filepath.Join(p.cfg.StateDir, p.key.String())
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the provider's directory: %w", err)
	}
	return p.begin(ctx, stateDir, func(ctx context.Context, l *life) error { return p.configure(ctx, l, stateDir) })
}

// begin starts the process in dir, asks who it is and does what is next.
func (p *plugin) begin(ctx context.Context, dir string, next func(context.Context, *life) error) (*life, error) {
	path, err := find(p.cfg.Dirs, p.key)
	if err != nil {
		return nil, err
	}
	binary, err := admit(path, p.cfg.RequireLock)
	if err != nil {
		return nil, err
	}
	defer binary.close()
	l := &life{path: path, process: newProcess(binary, dir, p.cfg.Limits, p.said)}
	ctx, release := p.untilReady(ctx, l.process)
	defer release()
	l.client = goplugin.NewClient(p.clientConfig(l.process))
	if err := l.connect(p.key); err != nil {
		l.stop(0)
		return nil, l.explain(err)
	}
	// gofail: var pluginConnected struct{}
	if err = binary.unchanged(); err == nil {
		err = p.identify(ctx, l)
	}
	if err == nil {
		err = next(ctx, l)
	}
	if err != nil {
		l.stop(p.limits.stop)
		return nil, l.process.cause(err)
	}
	// gofail: var pluginConfigured struct{}
	return l, nil
}

// maxHeaders is the number of bytes of all headers of an answer, an error's text included.
const maxHeaders = 256 << 10

// describe is a short life of the plugin without settings, in a directory of its own.
func (p *plugin) describe(ctx context.Context) (*plugins.Description, error) {
	dir, err := os.MkdirTemp("", "wright-plugin-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for plugin %s: %w", p.key, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	l, err := p.begin(ctx, dir, func(context.Context, *life) error { return nil })
	if err != nil {
		return nil, fmt.Errorf("launch plugin %s: %w", p.key, err)
	}
	defer context.AfterFunc(ctx, l.process.kill)()
	l.stop(p.limits.stop)
	return l.about, nil
}

// untilReady ends the context and the process when it takes too long or the host
// is closed, before release is called.
func (p *plugin) untilReady(ctx context.Context, proc *process) (_ context.Context, release func()) {
	ctx, cancel := context.WithTimeout(ctx, p.limits.start)
	ready := make(chan struct{})
	p.wg.Go(func() {
		select {
		case <-ready:
		case <-p.done:
			proc.condemn(errClosed(p.key))
		case <-ctx.Done():
			proc.condemn(fmt.Errorf("it was not ready in time (%v): %w", p.limits.start, ctx.Err()))
		}
		cancel()
	})
	return ctx, func() { close(ready); cancel() }
}

func (p *plugin) clientConfig(proc *process) *goplugin.ClientConfig {
	return &goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{MagicCookieKey: plugins.CookieKey, MagicCookieValue: plugins.CookieValue},
		VersionedPlugins: protocols(p.key.kind),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     p.limits.start,
		Logger:           newInternalLogger(p.log),
		SyncStdout:       newLineLogger(p.said),
		SyncStderr:       newLineLogger(p.said),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, socketDir string) (runner.Runner, error) {
			proc.socketDir = socketDir
			proc.env = append(cleanEnv(os.Environ()), cmd.Env...)
			return proc, nil
		},
		GRPCDialOptions: []grpc.DialOption{
			// A connection that is not ready is one whose process is gone; see usable.
			grpc.WithIdleTimeout(0),
			grpc.WithMaxHeaderListSize(maxHeaders),
			grpc.WithDefaultCallOptions(
				grpc.MaxCallRecvMsgSize(plugins.MaxMessage), grpc.MaxCallSendMsgSize(plugins.MaxMessage)),
		},
	}
}

// protocols offers every protocol that this version speaks; the plugin takes one.
func protocols(k plugins.Kind) map[int]goplugin.PluginSet {
	all := map[int]goplugin.PluginSet{}
	for n := plugins.OldestProtocol; n <= plugins.Protocol; n++ {
		all[n] = goplugin.PluginSet{string(k): &connPlugin{}}
	}
	return all
}

// connect does go-plugin's handshake. go-plugin takes no context for it, but
// gives up when the process is killed.
func (l *life) connect(k key) error {
	protocol, err := l.client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(string(k.kind))
	if err != nil {
		return fmt.Errorf("reach the service of %s: %w", l.path, err)
	}
	l.conn, l.pid = raw.(*grpc.ClientConn), l.process.pid
	return nil
}

// explain says of a launch that failed what the plugin said itself, if anything.
func (l *life) explain(err error) error {
	err = l.process.cause(err)
	if errors.Is(err, errNoHandshake) {
		if words := l.process.errors.lastWords(); words != "" {
			err = fmt.Errorf("%w (%s); its last words: %s", err, l.exitStatus(), words)
		} else {
			err = fmt.Errorf("%w (%s) and said nothing", err, l.exitStatus())
		}
	}
	return fmt.Errorf("start %s: %w", l.path, err)
}

// identify asks the plugin who it is.
func (p *plugin) identify(ctx context.Context, l *life) error {
	who, err := pluginv1.NewPluginServiceClient(l.conn).Describe(ctx, &pluginv1.DescribeRequest{})
	if err != nil {
		return fmt.Errorf("ask %s who it is: %w", l.path, plugins.FromStatus(err))
	}
	if who.GetKind() != string(p.key.kind) || who.GetName() != p.key.name {
		return plugins.Errorf(plugins.Invalid, "%s says that it is the %.60q provider %.60q: the file has the wrong name",
			l.path, who.GetKind(), who.GetName())
	}
	if l.about, err = plugins.Describe(who, l.client.NegotiatedVersion()); err != nil {
		return fmt.Errorf("ask %s who it is: %w", l.path, err)
	}
	return nil
}

// configure tells the provider its settings.
func (p *plugin) configure(ctx context.Context, l *life, stateDir string) error {
	config, err := plugins.EncodeConfig(p.cfg.Providers[p.key.String()])
	if err != nil {
		return err
	}
	_, err = pluginv1.NewPluginServiceClient(l.conn).Configure(ctx, &pluginv1.ConfigureRequest{
		StateDir: stateDir, Installation: p.cfg.Installation, ConfigJson: config,
	})
	if err != nil {
		return fmt.Errorf("configure %s: %w", l.path, plugins.FromStatus(err))
	}
	return nil
}

// usable says whether a call may be sent: the connection of a process that died
// leaves the ready state before any call on it fails.
func (l *life) usable() bool {
	select {
	case <-l.exited():
		return false
	default:
		return l.conn.GetState() == connectivity.Ready
	}
}

func (l *life) exited() <-chan struct{} { return l.process.exited }

func (l *life) exitStatus() string { return l.process.status() }

func (l *life) ping(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := grpc_health_v1.NewHealthClient(l.conn).Check(ctx,
		&grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	if r.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("health check: it says %s", r.GetStatus())
	}
	return nil
}

// stop says goodbye, kills what has not ended within grace, and returns when
// the process and its group are gone.
func (l *life) stop(grace time.Duration) {
	if !l.process.started() {
		if l.process.socketDir != "" {
			_ = os.RemoveAll(l.process.socketDir)
		}
		return
	}
	killer := time.AfterFunc(grace, l.process.kill)
	defer killer.Stop()
	l.client.Kill() // hangs as long as the process does, hence the killer
	<-l.process.reaped
}

// connPlugin hands out the connection itself: the kinds bring their own clients.
type connPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
}

var _ goplugin.GRPCPlugin = (*connPlugin)(nil)

func (*connPlugin) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("a host serves no plugin")
}

func (*connPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

// cleanEnv keeps of the agent's environment what a program needs and what is
// meant for plugins; secrets of the agent stay with the agent.
func cleanEnv(environ []string) []string {
	var env []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == "PATH", name == "HOME", name == "LANG", name == "TMPDIR",
			strings.HasPrefix(name, "WRIGHT_PLUGIN_"):
			env = append(env, kv)
		}
	}
	return env
}
