package dns

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// NewClient gives the provider at the other end of a connection.
func NewClient(conn grpc.ClientConnInterface) Provider {
	return &client{rpc: pluginv1.NewDnsServiceClient(conn)}
}

type client struct {
	rpc pluginv1.DnsServiceClient
}

var _ Provider = (*client)(nil)

func (c *client) Set(ctx context.Context, s Spec) error {
	if err := check(s.Domain, s.Records, s.Tags); err != nil {
		return fmt.Errorf("set records: %w", err)
	}
	config, err := plugins.EncodeConfig(s.Config)
	if err != nil {
		return fmt.Errorf("set records of %s: %w", s.Domain, err)
	}
	_, err = c.rpc.SetRecords(ctx, &pluginv1.SetRecordsRequest{
		Domain: s.Domain, Records: toProto(s.Records), Tags: s.Tags, ConfigJson: config,
	})
	if err != nil {
		return fmt.Errorf("set records of %s: %w", s.Domain, plugins.FromStatus(err))
	}
	return nil
}

func (c *client) List(ctx context.Context, tags map[string]string) ([]Entry, error) {
	if err := plugins.CheckTags(tags); err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ListRecords(ctx, &pluginv1.ListRecordsRequest{Tags: tags})
	list := []Entry{}
	err = plugins.Receive(ctx, stream, err, func(r *pluginv1.ListRecordsResponse) error {
		for _, e := range r.GetEntries() {
			entry := Entry{Domain: e.GetDomain(), Records: fromProto(e.GetRecords()), Tags: e.GetTags()}
			if err := plugins.BadAnswer(check(entry.Domain, entry.Records, entry.Tags)); err != nil {
				return err
			}
			if err := plugins.CheckSelected(entry.Tags, tags); err != nil {
				return err
			}
			list = append(list, entry)
		}
		return plugins.CheckCount(len(list))
	})
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
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
