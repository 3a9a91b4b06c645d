package dns

import (
	"context"

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
		Register: func(r grpc.ServiceRegistrar, config plugins.Schema) {
			pluginv1.RegisterDnsServiceServer(r, &server{provider: p, config: config})
		},
	}
}

// server is the plugin's end.
type server struct {
	pluginv1.UnimplementedDnsServiceServer
	provider Provider
	config   plugins.Schema
}

func (s *server) SetRecords(ctx context.Context, r *pluginv1.SetRecordsRequest) (*pluginv1.SetRecordsResponse, error) {
	config, err := s.config.Decode("config", r.GetConfigJson())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	spec := Spec{Domain: r.GetDomain(), Records: fromProto(r.GetRecords()), Tags: r.GetTags(), Config: config}
	if err := check(spec.Domain, spec.Records, spec.Tags); err != nil {
		return nil, plugins.ToStatus(err)
	}
	if err := s.provider.Set(ctx, spec); err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.SetRecordsResponse{}, nil
}

func (s *server) ListRecords(r *pluginv1.ListRecordsRequest, stream grpc.ServerStreamingServer[pluginv1.ListRecordsResponse]) error {
	if err := plugins.CheckTags(r.GetTags()); err != nil {
		return plugins.ToStatus(err)
	}
	found, err := s.provider.List(stream.Context(), r.GetTags())
	if err != nil {
		return plugins.ToStatus(err)
	}
	list := make([]*pluginv1.Entry, 0, len(found))
	for _, e := range found {
		list = append(list, &pluginv1.Entry{Domain: e.Domain, Records: toProto(e.Records), Tags: e.Tags})
	}
	return plugins.Send(list, func(part []*pluginv1.Entry) error {
		return stream.Send(&pluginv1.ListRecordsResponse{Entries: part})
	})
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
