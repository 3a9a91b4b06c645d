package notifier

import (
	"context"
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
		Kind: plugins.Notifier, Name: name, Version: version, Configurer: configurer,
		Register: func(r grpc.ServiceRegistrar, config plugins.Schema) {
			pluginv1.RegisterNotifierServiceServer(r, &server{provider: p, config: config})
		},
	}
}

// server is the plugin's end.
type server struct {
	pluginv1.UnimplementedNotifierServiceServer
	provider Provider
	config   plugins.Schema
}

func (s *server) Notify(ctx context.Context, r *pluginv1.NotifyRequest) (*pluginv1.NotifyResponse, error) {
	config, err := s.config.Decode("config", r.GetConfigJson())
	if err != nil {
		return nil, plugins.ToStatus(err)
	}
	m := Message{
		Token: r.GetToken(), Event: r.GetEvent(), Instance: r.GetInstance(), Build: r.GetBuild(), Subject: r.GetSubject(),
		Text: r.GetText(), URL: r.GetUrl(), Recipients: r.GetRecipients(), Tags: r.GetTags(), Config: config,
	}
	if err := m.Validate(); err != nil {
		return nil, plugins.ToStatus(err)
	}
	if err := s.provider.Notify(ctx, m); err != nil {
		return nil, plugins.ToStatus(err)
	}
	return &pluginv1.NotifyResponse{}, nil
}

func (s *server) ListReceipts(r *pluginv1.ListReceiptsRequest, stream grpc.ServerStreamingServer[pluginv1.ListReceiptsResponse]) error {
	if err := plugins.CheckTags(r.GetTags()); err != nil {
		return plugins.ToStatus(err)
	}
	found, err := s.provider.Receipts(stream.Context(), r.GetTags())
	if err != nil {
		return plugins.ToStatus(err)
	}
	list := make([]*pluginv1.Receipt, 0, len(found))
	for _, f := range found {
		list = append(list, &pluginv1.Receipt{Token: f.Token, Tags: f.Tags, DeliveredAt: timestamppb.New(f.DeliveredAt)})
	}
	return plugins.Send(list, func(part []*pluginv1.Receipt) error {
		return stream.Send(&pluginv1.ListReceiptsResponse{Receipts: part})
	})
}

// fromProto reads a receipt that a plugin answers with; see Receipt.check.
func fromProto(r *pluginv1.Receipt) (Receipt, error) {
	found := Receipt{Token: r.GetToken(), Tags: r.GetTags()}
	if at := r.GetDeliveredAt(); at != nil {
		if err := at.CheckValid(); err != nil {
			return Receipt{}, plugins.BadAnswer(fmt.Errorf("delivered_at: %w", err))
		}
		found.DeliveredAt = at.AsTime()
	}
	return found, plugins.BadAnswer(found.check())
}
