// Command protocol1 is a plugin and a host as the release before protocol 2 made
// them: go-plugin on both sides, every answer in one message. Its generated code
// is of that release. It is frozen: when a test with it fails, Wright has broken
// what others have installed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv1 "github.com/wright-build/wright/plugins/host/testdata/protocol1/pluginv1"
)

func handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{
		ProtocolVersion: 1, MagicCookieKey: "WRIGHT_PLUGIN_COOKIE", MagicCookieValue: "1d6a0a54-wright-plugin",
	}
}

// maxMessage was the size of every message.
const maxMessage = 4 << 20

func main() {
	if len(os.Args) == 4 && os.Args[1] == "host" {
		if err := host(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	kind := strings.Split(filepath.Base(os.Args[0]), "-")[1]
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(1) }()
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake(),
		Plugins:         goplugin.PluginSet{kind: &plugin{kind: kind}},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
	})
}

// plugin is both ends of go-plugin's idea of a plugin.
type plugin struct {
	goplugin.NetRPCUnsupportedPlugin
	kind string
}

func (p *plugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	pluginv1.RegisterPluginServiceServer(s, &about{kind: p.kind})
	pluginv1.RegisterCloudServiceServer(s, &cloud{})
	pluginv1.RegisterDnsServiceServer(s, &dns{})
	pluginv1.RegisterDatabaseServiceServer(s, &database{})
	return nil
}

func (p *plugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

type about struct {
	pluginv1.UnimplementedPluginServiceServer
	kind string
}

func (a *about) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	return &pluginv1.DescribeResponse{Kind: a.kind, Name: "old", Version: "0.1"}, nil
}

func (a *about) Configure(_ context.Context, r *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	if r.GetStateDir() == "" {
		return nil, errors.New("no directory")
	}
	return &pluginv1.ConfigureResponse{}, nil
}

type cloud struct {
	pluginv1.UnimplementedCloudServiceServer
}

func (*cloud) CreateServer(_ context.Context, r *pluginv1.CreateServerRequest) (*pluginv1.CreateServerResponse, error) {
	return &pluginv1.CreateServerResponse{Server: &pluginv1.Server{Token: r.GetToken(), Name: r.GetName(), State: "running", Tags: r.GetTags()}}, nil
}

func (*cloud) GetServer(_ context.Context, r *pluginv1.GetServerRequest) (*pluginv1.GetServerResponse, error) {
	return &pluginv1.GetServerResponse{Server: &pluginv1.Server{Token: r.GetToken(), State: "running"}}, nil
}

func (*cloud) ListServers(_ context.Context, r *pluginv1.ListServersRequest) (*pluginv1.ListServersResponse, error) {
	list := make([]*pluginv1.Server, 1000)
	for i := range list {
		list[i] = &pluginv1.Server{Token: fmt.Sprint(i), State: "running", Tags: r.GetTags()}
	}
	return &pluginv1.ListServersResponse{Servers: list}, nil
}

func (*cloud) DeleteServer(context.Context, *pluginv1.DeleteServerRequest) (*pluginv1.DeleteServerResponse, error) {
	return &pluginv1.DeleteServerResponse{}, nil
}

type dns struct {
	pluginv1.UnimplementedDnsServiceServer
}

func (*dns) SetRecords(context.Context, *pluginv1.SetRecordsRequest) (*pluginv1.SetRecordsResponse, error) {
	return &pluginv1.SetRecordsResponse{}, nil
}

func (*dns) ListRecords(_ context.Context, r *pluginv1.ListRecordsRequest) (*pluginv1.ListRecordsResponse, error) {
	return &pluginv1.ListRecordsResponse{Entries: []*pluginv1.Entry{{Domain: "a.example", Tags: r.GetTags()}}}, nil
}

func (*dns) DeleteRecords(context.Context, *pluginv1.DeleteRecordsRequest) (*pluginv1.DeleteRecordsResponse, error) {
	return &pluginv1.DeleteRecordsResponse{}, nil
}

type database struct {
	pluginv1.UnimplementedDatabaseServiceServer
}

func (*database) CreateDatabase(_ context.Context, r *pluginv1.CreateDatabaseRequest) (*pluginv1.CreateDatabaseResponse, error) {
	return &pluginv1.CreateDatabaseResponse{Database: &pluginv1.Database{Token: r.GetToken(), Name: r.GetName()}}, nil
}

func (*database) ListDatabases(_ context.Context, r *pluginv1.ListDatabasesRequest) (*pluginv1.ListDatabasesResponse, error) {
	return &pluginv1.ListDatabasesResponse{Databases: []*pluginv1.Database{{Token: "t", Name: "n", Tags: r.GetTags()}}}, nil
}

func (*database) DeleteDatabase(context.Context, *pluginv1.DeleteDatabaseRequest) (*pluginv1.DeleteDatabaseResponse, error) {
	return &pluginv1.DeleteDatabaseResponse{}, nil
}

// told is what the host prints of one plugin.
type told struct {
	Protocol                int
	Kind, Name, Made, Ended string
	Listed                  int
}

// host launches a plugin as the release did, calls all of it and prints what it heard.
func host(path, kind string) error {
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: handshake(), Plugins: goplugin.PluginSet{kind: &plugin{kind: kind}}, Cmd: exec.Command(path),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, AutoMTLS: true,
		Logger: hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Info}),
		GRPCDialOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage))},
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(kind)
	if err != nil {
		return err
	}
	t := &told{Protocol: client.NegotiatedVersion()}
	if err := ask(context.Background(), raw.(*grpc.ClientConn), kind, t); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(t)
}

func ask(ctx context.Context, conn *grpc.ClientConn, kind string, t *told) error {
	who, err := pluginv1.NewPluginServiceClient(conn).Describe(ctx, &pluginv1.DescribeRequest{})
	if err != nil {
		return err
	}
	t.Kind, t.Name = who.GetKind(), who.GetName()
	_, err = pluginv1.NewPluginServiceClient(conn).Configure(ctx, &pluginv1.ConfigureRequest{StateDir: os.TempDir()})
	if err != nil {
		return err
	}
	switch kind {
	case "cloud":
		return askCloud(ctx, pluginv1.NewCloudServiceClient(conn), t)
	case "dns":
		return askDNS(ctx, pluginv1.NewDnsServiceClient(conn), t)
	}
	return askDatabase(ctx, pluginv1.NewDatabaseServiceClient(conn), t)
}

func askCloud(ctx context.Context, c pluginv1.CloudServiceClient, t *told) error {
	made, err1 := c.CreateServer(ctx, &pluginv1.CreateServerRequest{Token: "t", Name: "n"})
	list, err2 := c.ListServers(ctx, &pluginv1.ListServersRequest{})
	_, err3 := c.GetServer(ctx, &pluginv1.GetServerRequest{Token: "t"})
	_, err4 := c.DeleteServer(ctx, &pluginv1.DeleteServerRequest{Token: "t"})
	t.Made, t.Listed, t.Ended = made.GetServer().GetToken(), len(list.GetServers()), fmt.Sprint(err4)
	return errors.Join(err1, err2, err3)
}

func askDNS(ctx context.Context, c pluginv1.DnsServiceClient, t *told) error {
	_, err1 := c.SetRecords(ctx, &pluginv1.SetRecordsRequest{Domain: "a.example"})
	list, err2 := c.ListRecords(ctx, &pluginv1.ListRecordsRequest{})
	_, err3 := c.DeleteRecords(ctx, &pluginv1.DeleteRecordsRequest{Domain: "a.example"})
	t.Listed, t.Ended = len(list.GetEntries()), fmt.Sprint(err3)
	return errors.Join(err1, err2)
}

func askDatabase(ctx context.Context, c pluginv1.DatabaseServiceClient, t *told) error {
	made, err1 := c.CreateDatabase(ctx, &pluginv1.CreateDatabaseRequest{Token: "t", Name: "n"})
	list, err2 := c.ListDatabases(ctx, &pluginv1.ListDatabasesRequest{})
	_, err3 := c.DeleteDatabase(ctx, &pluginv1.DeleteDatabaseRequest{Token: "t"})
	t.Made, t.Listed, t.Ended = made.GetDatabase().GetToken(), len(list.GetDatabases()), fmt.Sprint(err3)
	return errors.Join(err1, err2)
}
