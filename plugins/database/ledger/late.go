package ledger

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/servers"
)

// Late is a database.Provider that becomes one with its settings. Providers
// embed it.
type Late struct {
	mu sync.Mutex // guards all below
	p  *Provider
}

var _ database.Provider = (*Late)(nil)

// Become has calls from now on go to p. Calls under way end at the provider
// before, whose connections end with them.
func (l *Late) Become(p *Provider) error {
	l.mu.Lock()
	before := l.p
	l.p = p
	l.mu.Unlock()
	if before == nil {
		return nil
	}
	return before.Close()
}

func (l *Late) provider() (*Provider, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.p == nil {
		return nil, errors.New("the provider is not configured yet")
	}
	return l.p, nil
}

// Create implements database.Provider.
func (l *Late) Create(ctx context.Context, s database.Spec) (*database.Database, error) {
	p, err := l.provider()
	if err != nil {
		return nil, err
	}
	return p.Create(ctx, s)
}

// List implements database.Provider.
func (l *Late) List(ctx context.Context, tags map[string]string) ([]database.Database, error) {
	p, err := l.provider()
	if err != nil {
		return nil, err
	}
	return p.List(ctx, tags)
}

// Delete implements database.Provider.
func (l *Late) Delete(ctx context.Context, token string) error {
	p, err := l.provider()
	if err != nil {
		return err
	}
	return p.Delete(ctx, token)
}

// Settings is the table of the agent's configuration.
type Settings struct {
	Servers   []servers.Server `json:"servers"`
	Templates []string         `json:"templates"`
	Ledger    string           `json:"ledger"`
}

// Fields is the schema of Settings. Port is the usual one of the service.
func Fields(port int) plugins.Schema {
	return append(servers.Fields(port),
		plugins.Field{Name: "templates", Type: plugins.TypeList, Example: []any{"template_shop"},
			Doc: "The databases that manifests may name as a template. Whoever may write a manifest can read them."},
		plugins.Field{Name: "ledger", Default: "wright",
			Doc: "The database of each server in which the provider writes down what it makes. It is made where it is missing; only the administrator reads it."},
	)
}

// Config is the schema of the table of manifests.
func Config() plugins.Schema {
	return plugins.Schema{
		servers.Named(),
		{Name: "template", Doc: "The database of that server that a new one begins as a copy of. The agent's settings must allow it.", Example: "template_shop"},
	}
}

// Read reads the table of the agent's configuration, in which defaults are filled in.
func Read(config map[string]any, port int) (Settings, error) {
	var s Settings
	if err := plugins.ReadConfig(config, &s); err != nil {
		return s, err
	}
	var err error
	if s.Servers, err = servers.Check(s.Servers, port); err != nil {
		return s, err
	}
	// All agents lock in the same order.
	slices.SortFunc(s.Servers, func(a, b servers.Server) int { return strings.Compare(a.Name, b.Name) })
	if slices.Contains(s.Templates, s.Ledger) {
		return s, plugins.Invalidf("settings.templates", "the ledger %s is no template: nobody may read it", s.Ledger)
	}
	return s, plugins.CheckToken("settings.ledger", s.Ledger)
}
