package notifier

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// NewClient gives the provider at the other end of a connection.
func NewClient(conn grpc.ClientConnInterface) Provider {
	return &client{rpc: pluginv1.NewNotifierServiceClient(conn)}
}

type client struct {
	rpc pluginv1.NotifierServiceClient
}

var _ Provider = (*client)(nil)

func (c *client) Notify(ctx context.Context, m Message) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	config, err := plugins.EncodeConfig(m.Config)
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	_, err = c.rpc.Notify(ctx, &pluginv1.NotifyRequest{
		Token: m.Token, Event: m.Event, Instance: m.Instance, Build: m.Build, Subject: m.Subject, Text: m.Text,
		Url: m.URL, Recipients: m.Recipients, Tags: m.Tags, ConfigJson: config,
	})
	if err != nil {
		return fmt.Errorf("notify: %w", plugins.FromStatus(err))
	}
	return nil
}

func (c *client) Receipts(ctx context.Context, tags map[string]string) ([]Receipt, error) {
	if err := plugins.CheckTags(tags); err != nil {
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ListReceipts(ctx, &pluginv1.ListReceiptsRequest{Tags: tags})
	list := []Receipt{}
	err = plugins.Receive(ctx, stream, err, func(r *pluginv1.ListReceiptsResponse) error {
		for _, p := range r.GetReceipts() {
			found, err := fromProto(p)
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
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	return list, nil
}
