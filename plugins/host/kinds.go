package host

import (
	"context"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/notifier"
	"github.com/wright-build/wright/plugins/runner"
)

// Cloud gives the named cloud provider, launching it on first use. The provider
// survives the death of its process. The error for a name that no directory
// holds is plugins.NotFound and says what was searched and found. Of the other
// kinds each has a method like this one.
func (h *Host) Cloud(ctx context.Context, name string) (cloud.Provider, error) {
	p, err := h.launched(ctx, key{plugins.Cloud, name})
	if err != nil {
		return nil, err
	}
	return cloud.NewClient(p), nil
}

// DNS gives the named DNS provider, as Cloud does.
func (h *Host) DNS(ctx context.Context, name string) (dns.Provider, error) {
	p, err := h.launched(ctx, key{plugins.DNS, name})
	if err != nil {
		return nil, err
	}
	return dns.NewClient(p), nil
}

// Database gives the named database provider, as Cloud does.
func (h *Host) Database(ctx context.Context, name string) (database.Provider, error) {
	p, err := h.launched(ctx, key{plugins.Database, name})
	if err != nil {
		return nil, err
	}
	return database.NewClient(p), nil
}

// Balancer gives the named balancer, as Cloud does.
func (h *Host) Balancer(ctx context.Context, name string) (balancer.Provider, error) {
	p, err := h.launched(ctx, key{plugins.Balancer, name})
	if err != nil {
		return nil, err
	}
	return balancer.NewClient(p), nil
}

// Runner gives the named runner, as Cloud does.
func (h *Host) Runner(ctx context.Context, name string) (runner.Provider, error) {
	p, err := h.launched(ctx, key{plugins.Runner, name})
	if err != nil {
		return nil, err
	}
	return runner.NewClient(p), nil
}

// Notifier gives the named notifier, as Cloud does.
func (h *Host) Notifier(ctx context.Context, name string) (notifier.Provider, error) {
	p, err := h.launched(ctx, key{plugins.Notifier, name})
	if err != nil {
		return nil, err
	}
	return notifier.NewClient(p), nil
}

// Describe launches the named plugin, without settings, and gives what it says
// of itself. It need not be usable: Describe works where Configure would fail.
func (h *Host) Describe(ctx context.Context, kind plugins.Kind, name string) (*plugins.Description, error) {
	return h.describe(ctx, key{kind, name})
}
