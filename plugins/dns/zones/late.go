package zones

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/rrset"
)

// Late is a dns.Provider that becomes one with its settings. Providers embed it.
type Late struct {
	mu sync.Mutex // guards all below
	p  *Provider
}

// Become has calls from now on go to p.
func (l *Late) Become(p *Provider) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.p = p
}

func (l *Late) provider() (*Provider, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.p == nil {
		return nil, errors.New("the provider is not configured yet")
	}
	return l.p, nil
}

// Set implements dns.Provider.
func (l *Late) Set(ctx context.Context, s dns.Spec) error {
	p, err := l.provider()
	if err != nil {
		return err
	}
	return p.Set(ctx, s)
}

// List implements dns.Provider.
func (l *Late) List(ctx context.Context, tags map[string]string) ([]dns.Entry, error) {
	p, err := l.provider()
	if err != nil {
		return nil, err
	}
	return p.List(ctx, tags)
}

// Delete implements dns.Provider.
func (l *Late) Delete(ctx context.Context, domain string, tags map[string]string) error {
	p, err := l.provider()
	if err != nil {
		return err
	}
	return p.Delete(ctx, domain, tags)
}

// Times are the settings that all providers of this kind have.
type Times struct {
	TTL    string `json:"ttl"`
	Within string `json:"verify-within"`
}

// Fields are the times in a schema, with their defaults.
func Fields(ttl, within time.Duration) plugins.Schema {
	return plugins.Schema{
		{Name: "ttl", Type: plugins.TypeDuration, Default: ttl.String(), Doc: "The time to live of records that state none."},
		{Name: "verify-within", Type: plugins.TypeDuration, Default: within.String(),
			Doc: "How long a change waits for the name servers to answer with it."},
	}
}

// Read gives the times of a table in which defaults are filled in.
func (t Times) Read() (ttl, within time.Duration, err error) {
	if ttl, err = seconds("ttl", t.TTL); err != nil {
		return 0, 0, err
	}
	within, err = seconds("verify-within", t.Within)
	return ttl, within, err
}

func seconds(key, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d%time.Second != 0 || d > maxTime {
		return 0, plugins.Invalidf("settings."+key, "%.40q is no duration of whole seconds", text)
	}
	return d, nil
}

const maxTime = 7 * 24 * time.Hour

// Names reads a setting with zones.
func Names(list []string) ([]string, error) {
	var names []string
	for i, name := range list {
		if err := dns.CheckDomain(name); err != nil {
			return nil, plugins.Invalidf(fmt.Sprintf("settings.zones[%d]", i+1), "%w", err)
		}
		names = append(names, rrset.Fold(name))
	}
	return names, nil
}

// Nameservers reads a setting with name servers.
func Nameservers(list []string) ([]authority.Server, error) {
	var servers []authority.Server
	for i, name := range list {
		address, err := authority.Address(name)
		if err != nil {
			return nil, plugins.Invalidf(fmt.Sprintf("settings.nameservers[%d]", i+1), "%w", err)
		}
		servers = append(servers, authority.Server{Address: address})
	}
	return servers, nil
}
