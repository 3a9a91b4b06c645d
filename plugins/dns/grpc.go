package dns

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Plugin makes a provider servable with plugins.Serve. An empty version means
// the one that the Go toolchain recorded.
func Plugin(name, version string, p Provider) plugins.Plugin {
	configurer, _ := p.(plugins.Configurer)
	return plugins.Plugin{
		Kind: plugins.DNS, Name: name, Version: version, Configurer: configurer,
		Register: func(r grpc.ServiceRegistrar) {
			pluginv1.RegisterDnsServiceServer(r, &server{provider: p})
		},
	}
}

// NewClient gives the provider at the other end of a connection.
func NewClient(conn grpc.ClientConnInterface) Provider {
	return &client{rpc: pluginv1.NewDnsServiceClient(conn)}
}

type client struct {
	rpc pluginv1.DnsServiceClient
}

var _ Provider = (*client)(nil)

func (c *client) Set(ctx context.Context, domain string, records []Record, tags map[string]string) error {
	if err := check(domain, records, tags); err != nil {
		return fmt.Errorf("set records: %w", err)
	}
	_, err := c.rpc.SetRecords(ctx, &pluginv1.SetRecordsRequest{Domain: domain, Records: toProto(records), Tags: tags})
	if err != nil {
		return fmt.Errorf("set records of %s: %w", domain, plugins.FromStatus(err))
	}
	return nil
}

func (c *client) List(ctx context.Context, tags map[string]string) ([]Entry, error) {
	if err := plugins.CheckTags(tags); err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	r, err := c.rpc.ListRecords(ctx, &pluginv1.ListRecordsRequest{Tags: tags})
	if err != nil {
		return nil, fmt.Errorf("list records: %w", plugins.FromStatus(err))
	}
	list := make([]Entry, 0, len(r.GetEntries()))
	for _, e := range r.GetEntries() {
		list = append(list, Entry{Domain: e.GetDomain(), Records: fromProto(e.GetRecords()), Tags: e.GetTags()})
	}
	return list, nil
}

func (c *client) Delete(ctx context.Context, domain string, tags map[string]string) error {
	if err := check(domain, nil, tags); err != nil {
		return fmt.Errorf("delete records: %w", err)
	}
	_, err := c.rpc.DeleteRecords(ctx, &pluginv1.DeleteRecordsRequest{Domain: domain, Tags: tags})
	if err != nil {
		return fmt.Errorf("delete records of %s: %w", domain, plugins.FromStatus(err))
	}
	return nil
}

// server is the plugin's end.
type server struct {
	pluginv1.UnimplementedDnsServiceServer
	provider Provider
}

func (s *server) SetRecords(ctx context.Context, r *pluginv1.SetRecordsRequest) (*pluginv1.SetRecordsResponse, error) {
	records := fromProto(r.GetRecords())
	if err := check(r.GetDomain(), records, r.GetTags()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	if err := s.provider.Set(ctx, r.GetDomain(), records, r.GetTags()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.SetRecordsResponse{}, nil
}

func (s *server) ListRecords(ctx context.Context, r *pluginv1.ListRecordsRequest) (*pluginv1.ListRecordsResponse, error) {
	list, err := s.provider.List(ctx, r.GetTags())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	reply := &pluginv1.ListRecordsResponse{Entries: make([]*pluginv1.Entry, 0, len(list))}
	for _, e := range list {
		reply.Entries = append(reply.Entries, &pluginv1.Entry{Domain: e.Domain, Records: toProto(e.Records), Tags: e.Tags})
	}
	return reply, nil
}

func (s *server) DeleteRecords(ctx context.Context, r *pluginv1.DeleteRecordsRequest) (*pluginv1.DeleteRecordsResponse, error) {
	if err := check(r.GetDomain(), nil, r.GetTags()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	if err := s.provider.Delete(ctx, r.GetDomain(), r.GetTags()); err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.DeleteRecordsResponse{}, nil
}

func toProto(records []Record) []*pluginv1.Record {
	list := make([]*pluginv1.Record, 0, len(records))
	for _, r := range records {
		list = append(list, &pluginv1.Record{Type: r.Type, Value: r.Value, Ttl: durationpb.New(r.TTL)})
	}
	return list
}

func fromProto(records []*pluginv1.Record) []Record {
	list := make([]Record, 0, len(records))
	for _, r := range records {
		list = append(list, Record{Type: r.GetType(), Value: r.GetValue(), TTL: r.GetTtl().AsDuration()})
	}
	return list
}
