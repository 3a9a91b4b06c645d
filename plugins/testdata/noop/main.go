// Command noop is the least that a third party writes: a provider of each kind
// that does nothing. What it links and what it costs is measured.
package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/notifier"
	"github.com/wright-build/wright/plugins/runner"
)

func main() {
	kind, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(os.Args[0]), "wright-"), "-")
	switch plugins.Kind(kind) {
	case plugins.Balancer:
		plugins.Serve(balancer.Plugin("noop", "1", struct{ balancer.Provider }{}))
	case plugins.Database:
		plugins.Serve(database.Plugin("noop", "1", struct{ database.Provider }{}))
	case plugins.DNS:
		plugins.Serve(dns.Plugin("noop", "1", struct{ dns.Provider }{}))
	case plugins.Notifier:
		plugins.Serve(notifier.Plugin("noop", "1", struct{ notifier.Provider }{}))
	case plugins.Runner:
		plugins.Serve(runner.Plugin("noop", "1", struct{ runner.Provider }{}))
	default:
		plugins.Serve(cloud.Plugin("noop", "1", noop{}))
	}
}

type noop struct{ cloud.Provider }

func (noop) Get(_ context.Context, token string) (*cloud.Server, error) {
	return &cloud.Server{Token: token, State: cloud.Running}, nil
}

func (noop) List(context.Context, map[string]string) ([]cloud.Server, error) { return nil, nil }
