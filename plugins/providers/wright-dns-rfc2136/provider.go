package main

import (
	"context"
	"encoding/base64"
	"fmt"

	mdns "github.com/miekg/dns"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/credential"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/rrset"
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
	Zones []zoneOptions `json:"zones"`
	zones.Times
}

type zoneOptions struct {
	Zone      string   `json:"zone"`
	Server    string   `json:"server"`
	KeyName   string   `json:"key-name"`
	Algorithm string   `json:"key-algorithm"`
	Secret    string   `json:"key-secret"`
	Verify    []string `json:"verify"`
}

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	b := &backend{zones: map[string]zone{}, slots: make(chan struct{}, atATime)}
	for i, z := range o.Zones {
		read, err := readZone(fmt.Sprintf("settings.zones[%d].", i+1), z)
		if err != nil {
			return err
		}
		if _, twice := b.zones[read.name]; twice {
			return plugins.Invalidf(fmt.Sprintf("settings.zones[%d].zone", i+1), "%s is there twice", read.name)
		}
		b.zones[read.name] = read
	}
	ttl, within, err := o.Read()
	if err != nil {
		return err
	}
	p.Become(&zones.Provider{Backend: b, TTL: ttl, Within: within})
	return nil
}

// zone is one that may be changed. Its secret is read at each use.
type zone struct {
	name   string
	field  string
	server string
	key    *authority.Key
	verify []string
}

func readZone(field string, o zoneOptions) (zone, error) {
	if err := dns.CheckDomain(o.Zone); err != nil {
		return zone{}, plugins.Invalidf(field+"zone", "%w", err)
	}
	z := zone{name: rrset.Fold(o.Zone), field: field}
	var err error
	if z.server, err = authority.Address(o.Server); err != nil {
		return z, plugins.Invalidf(field+"server", "%w", err)
	}
	for _, v := range o.Verify {
		address, err := authority.Address(v)
		if err != nil {
			return z, plugins.Invalidf(field+"verify", "%w", err)
		}
		z.verify = append(z.verify, address)
	}
	if (o.KeyName == "") != (o.Secret == "") {
		return z, plugins.Invalidf(field+"key-name", "and key-secret belong together")
	}
	if o.KeyName == "" {
		return z, nil
	}
	if err := dns.CheckDomain(o.KeyName); err != nil {
		return z, plugins.Invalidf(field+"key-name", "%w", err)
	}
	z.key = &authority.Key{Name: mdns.CanonicalName(o.KeyName), Algorithm: mdns.Fqdn(o.Algorithm), Secret: o.Secret}
	if o.Algorithm == "" {
		z.key.Algorithm = mdns.HmacSHA256
	}
	return z, nil
}

// at gives the zone's server with its key.
func (z zone) at() (authority.Server, error) {
	s := authority.Server{Address: z.server}
	if z.key == nil {
		return s, nil
	}
	secret, err := credential.Read(z.field+"key-secret", z.key.Secret)
	if err != nil {
		return s, err
	}
	if _, err := base64.StdEncoding.DecodeString(secret); err != nil {
		return s, plugins.Invalidf(z.field+"key-secret", "is no base64")
	}
	key := *z.key
	key.Secret = secret
	s.Key = &key
	return s, nil
}
