package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/credential"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/rrset"
	"github.com/wright-build/wright/plugins/dns/webapi"
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
	Endpoint    string   `json:"endpoint"`
	APIKey      string   `json:"api-key"`
	ServerID    string   `json:"server-id"`
	Zones       []string `json:"zones"`
	Nameservers []string `json:"nameservers"`
	zones.Times
}

// Configure implements plugins.Configurer.
func (p *provider) Configure(_ context.Context, s plugins.Settings) error {
	var o options
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return err
	}
	key := func() (string, error) { return credential.Read("settings.api-key", o.APIKey) }
	api, err := webapi.New("settings.endpoint", o.Endpoint, "X-API-Key", "", key)
	if err != nil {
		return err
	}
	b := &backend{api: api, root: []string{"api", "v1", "servers", o.ServerID, "zones"}, writing: make(chan struct{}, 1)}
	if b.zones, err = zones.Names(o.Zones); err != nil {
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

// backend is the API of one server.
type backend struct {
	api     *webapi.Client
	root    []string // of the paths of zones
	zones   []string // none means all
	servers []authority.Server
	writing chan struct{} // holds a value while a change is sent: SQLite refuses all but one at a time
}

var _ zones.Backend = (*backend)(nil)

// What the API says and is told; see "Zones" and "RRSet" at
// https://doc.powerdns.com/authoritative/http-api/zone.html.
type (
	zoneJSON struct {
		Name   string    `json:"name"`
		RRsets []setJSON `json:"rrsets"`
	}
	setJSON struct {
		Name       string       `json:"name"`
		Type       string       `json:"type"`
		TTL        uint32       `json:"ttl,omitempty"`
		ChangeType string       `json:"changetype,omitempty"`
		Records    []recordJSON `json:"records"`
	}
	recordJSON struct {
		Content  string `json:"content"`
		Disabled bool   `json:"disabled"`
	}
	patchJSON struct {
		RRsets []setJSON `json:"rrsets"`
	}
)

func (b *backend) path(zone string) []string { return append(slices.Clone(b.root), zone+".") }

// Zones implements zones.Backend.
func (b *backend) Zones(ctx context.Context) ([]string, error) {
	if len(b.zones) > 0 {
		return b.zones, nil
	}
	var list []zoneJSON
	_, err := b.api.Do(ctx, webapi.Request{
		Method: http.MethodGet, Path: b.root, Query: url.Values{"dnssec": {"false"}}, Out: &list, Want: []int{http.StatusOK},
	})
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list))
	for _, z := range list {
		names = append(names, rrset.Fold(z.Name))
	}
	return names, nil
}

// sets asks for those of a zone; of one name, where name is not empty.
func (b *backend) sets(ctx context.Context, zone, name string) ([]setJSON, error) {
	var z zoneJSON
	query := url.Values{}
	if name != "" {
		query.Set("rrset_name", name+".") // older servers give all
	}
	_, err := b.api.Do(ctx, webapi.Request{
		Method: http.MethodGet, Path: b.path(zone), Query: query, Out: &z, Want: []int{http.StatusOK},
	})
	if err == nil && rrset.Fold(z.Name) != zone {
		err = plugins.Errorf(plugins.Transient, "ask for the zone %s: the answer is about %.60q", zone, z.Name)
	}
	return z.RRsets, err
}

// Look implements zones.Backend.
func (b *backend) Look(ctx context.Context, at zones.Place) (rrset.Found, error) {
	var found rrset.Found
	for _, name := range []string{at.Domain, at.Marker} {
		list, err := b.sets(ctx, at.Zone, name)
		if err != nil {
			return found, err
		}
		for _, j := range list {
			if rrset.Fold(j.Name) != name {
				continue
			}
			s := j.set()
			if name == at.Domain {
				found.Sets = append(found.Sets, s)
			} else if s.Type == "TXT" {
				found.Marker = s.Values
			}
		}
	}
	return found, nil
}

func (j setJSON) set() rrset.Set {
	content := make([]string, 0, len(j.Records))
	for _, r := range j.Records {
		content = append(content, r.Content)
	}
	return rrset.FromContent(j.Type, j.TTL, content)
}

// Apply implements zones.Backend. All goes in one request, which the server
// carries out in one transaction. It has no conditions, so who comes last wins
// and the other finds out by looking again.
func (b *backend) Apply(ctx context.Context, at zones.Place, _ rrset.Found, plan rrset.Plan) error {
	var p patchJSON
	for _, c := range plan.AtOnce() {
		p.RRsets = append(p.RRsets, change(c))
	}
	err := b.patch(ctx, at.Zone, p)
	if err != nil || plan.Last == nil {
		return err
	}
	after, err := b.Look(ctx, at)
	if err == nil && !slices.Equal(after.Marker, plan.Last.Set.Values) {
		err = fmt.Errorf("look at %s again: %w", at.Domain, zones.ErrChanged)
	}
	return err
}

// patch changes a zone. Changes at the same time would be answered "database is
// locked" by a server on SQLite, so that some were given up at last.
func (b *backend) patch(ctx context.Context, zone string, p patchJSON) error {
	select {
	case b.writing <- struct{}{}:
		defer func() { <-b.writing }()
	case <-ctx.Done():
		return fmt.Errorf("wait for another change of the zone %s: %w", zone, ctx.Err())
	}
	_, err := b.api.Do(ctx, webapi.Request{Method: http.MethodPatch, Path: b.path(zone), In: p, Want: []int{http.StatusNoContent}})
	return err
}

func change(c rrset.Change) setJSON {
	j := setJSON{Name: c.Name + ".", Type: c.Set.Type, TTL: c.Set.TTL, ChangeType: "REPLACE", Records: []recordJSON{}}
	if len(c.Set.Values) == 0 {
		j.TTL, j.ChangeType = 0, "DELETE"
	}
	for _, content := range c.Set.Content() {
		j.Records = append(j.Records, recordJSON{Content: content})
	}
	return j
}

// Each implements zones.Backend.
func (b *backend) Each(ctx context.Context, zone string, take func(string, rrset.Set) error) error {
	list, err := b.sets(ctx, zone, "")
	if err != nil {
		return err
	}
	for _, j := range list {
		if err := take(rrset.Fold(j.Name), j.set()); err != nil {
			return err
		}
	}
	return nil
}

// Servers implements zones.Backend.
func (b *backend) Servers(ctx context.Context, zone string) ([]authority.Server, error) {
	if len(b.servers) > 0 {
		return b.servers, nil
	}
	list, err := b.sets(ctx, zone, zone)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, j := range list {
		for _, r := range j.Records {
			if j.Type == "NS" && rrset.Fold(j.Name) == zone {
				names = append(names, rrset.Fold(r.Content))
			}
		}
	}
	return zones.Nameservers(names)
}
