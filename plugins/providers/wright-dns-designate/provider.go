package main

import (
	"context"
	"encoding/json"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/zones"
)

// provider waits for its settings.
type provider struct{ zones.Late }

var (
	_ dns.Provider       = (*provider)(nil)
	_ plugins.Configurer = (*provider)(nil)
)

// options is the provider's table of the agent's configuration.
type options struct {
	access
	Zones       []string `json:"zones"`
	Nameservers []string `json:"nameservers"`
	zones.Times
}

// Configure implements plugins.Configurer. It logs nobody in.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	if _, _, _, err := o.access.options(); err != nil && plugins.CodeOf(err) != plugins.Denied {
		return err
	}
	b := &backend{session: newSession(o.access)}
	var err error
	if b.only, err = zones.Names(o.Zones); err != nil {
		return err
	}
	if b.servers, err = zones.Nameservers(o.Nameservers); err != nil {
		return err
	}
	ttl, within, err := o.Read()
	if err != nil {
		return err
	}
	p.Become(&zones.Provider{Backend: b, TTL: ttl, Within: within})
	return nil
}

// required reads JSON that must hold what it is about: an empty list is an
// answer, a list that is not there is none.
type required struct {
	into  any
	there func() bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *required) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, r.into); err != nil {
		return err
	}
	if !r.there() {
		return errForeign
	}
	return nil
}
