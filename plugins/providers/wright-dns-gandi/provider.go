package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

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
	Token       string   `json:"token"`
	Endpoint    string   `json:"endpoint"`
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
	token := func() (string, error) { return credential.Read("settings.token", o.Token) }
	api, err := webapi.New("settings.endpoint", o.Endpoint, "Authorization", "Bearer ", token)
	if err != nil {
		return err
	}
	b := &backend{api: api}
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
	p.Become(&zones.Provider{Backend: b, TTL: ttl, MinTTL: minTTL, Within: within})
	return nil
}

// backend is LiveDNS, as https://api.gandi.net/docs/livedns/ describes it.
type backend struct {
	api     *webapi.Client
	zones   []string // none means all
	servers []authority.Server
}

var _ zones.Backend = (*backend)(nil)

type (
	domainJSON struct {
		FQDN string `json:"fqdn"`
	}
	setJSON struct {
		Name   string   `json:"rrset_name,omitempty"`
		Type   string   `json:"rrset_type,omitempty"`
		TTL    uint32   `json:"rrset_ttl"`
		Values []string `json:"rrset_values"`
	}
	itemsJSON struct {
		Items []setJSON `json:"items"`
	}
)

func path(below ...string) []string { return append([]string{"v5", "livedns", "domains"}, below...) }

// relative is a name within its zone, as LiveDNS has it.
func relative(name, zone string) string {
	if name == zone {
		return "@"
	}
	return strings.TrimSuffix(name, "."+zone)
}

func absolute(name, zone string) string {
	if name == "@" {
		return zone
	}
	return rrset.Fold(name) + "." + zone
}

// Zones implements zones.Backend.
func (b *backend) Zones(ctx context.Context) ([]string, error) {
	if len(b.zones) > 0 {
		return b.zones, nil
	}
	all, err := readAll(ctx, b.api, path(), func(d domainJSON) string { return rrset.Fold(d.FQDN) })
	var names []string
	for _, d := range all {
		names = append(names, rrset.Fold(d.FQDN))
	}
	return names, err
}

// Look implements zones.Backend.
func (b *backend) Look(ctx context.Context, at zones.Place) (rrset.Found, error) {
	var found rrset.Found
	list, err := b.named(ctx, at.Zone, at.Domain)
	if err != nil {
		return found, err
	}
	for _, j := range list {
		found.Sets = append(found.Sets, rrset.FromContent(j.Type, j.TTL, j.Values))
	}
	markers, err := b.named(ctx, at.Zone, at.Marker)
	for _, j := range markers {
		if j.Type == "TXT" {
			found.Marker = rrset.FromContent(j.Type, j.TTL, j.Values).Values
		}
	}
	return found, err
}

// named gives all sets of one name; there may be none.
func (b *backend) named(ctx context.Context, zone, name string) ([]setJSON, error) {
	var list []setJSON
	_, err := b.api.Do(ctx, webapi.Request{
		Method: http.MethodGet, Path: path(zone, "records", relative(name, zone)), Out: &list, Want: []int{http.StatusOK},
	})
	if plugins.CodeOf(err) == plugins.NotFound {
		return nil, b.known(ctx, zone)
	}
	for _, j := range list {
		if absolute(j.Name, zone) != name {
			return nil, plugins.Errorf(plugins.Transient, "ask for the records of %s: the answer is about %.60q", name, j.Name)
		}
	}
	return list, err
}

// known tells a missing name from a missing domain: both are 404.
func (b *backend) known(ctx context.Context, zone string) error {
	var d domainJSON
	_, err := b.api.Do(ctx, webapi.Request{Method: http.MethodGet, Path: path(zone), Out: &d, Want: []int{http.StatusOK}})
	if err == nil && rrset.Fold(d.FQDN) != zone {
		err = plugins.Errorf(plugins.Transient, "ask for the domain %s: the answer is about %.60q", zone, d.FQDN)
	}
	return err
}

// Apply implements zones.Backend: the mark first, which can be made only where
// there is none, then the name's records, at once where nobody else has some.
func (b *backend) Apply(ctx context.Context, at zones.Place, found rrset.Found, plan rrset.Plan) error {
	changes := plan.InTurn()
	if len(plan.Data) < 2 || !alone(at, found) {
		return b.each(ctx, at, found, changes)
	}
	first := 0
	if plan.First != nil {
		first = 1
	}
	if err := b.each(ctx, at, found, changes[:first]); err != nil {
		return err
	}
	if err := b.whole(ctx, at, found, plan.Data); err != nil {
		return err
	}
	found.Marker = append(found.Marker, "made by now")
	return b.each(ctx, at, found, changes[first+len(plan.Data):])
}

// alone says whether everything at the domain is Wright's.
func alone(at zones.Place, found rrset.Found) bool {
	var own []string
	if len(found.Marker) > 0 {
		m, _ := rrset.ParseMarker(at.Domain, found.Marker[0])
		own = m.Types
	}
	return !slices.ContainsFunc(found.Sets, func(s rrset.Set) bool { return !slices.Contains(own, s.Type) })
}

// each makes one change after the other.
func (b *backend) each(ctx context.Context, at zones.Place, found rrset.Found, changes []rrset.Change) error {
	marked := len(found.Marker) > 0
	for _, c := range changes {
		method, want := http.MethodPut, []int{http.StatusOK, http.StatusCreated}
		switch {
		case len(c.Set.Values) == 0:
			method, want = http.MethodDelete, []int{http.StatusNoContent, http.StatusNotFound}
		case c.Name == at.Marker && !marked:
			method, marked = http.MethodPost, true // refused where somebody was faster
		}
		r := webapi.Request{Method: method, Path: path(at.Zone, "records", relative(c.Name, at.Zone), c.Set.Type), Want: want}
		if method != http.MethodDelete {
			r.In = setJSON{TTL: c.Set.TTL, Values: c.Set.Content()}
			r.Out = new(struct{})
		}
		if _, err := b.api.Do(ctx, r); err != nil {
			return moved(err)
		}
	}
	return nil
}

// moved makes ErrChanged of a conflict: looking again tells whose it is.
func moved(err error) error {
	if plugins.CodeOf(err) == plugins.Exists {
		return fmt.Errorf("%w (%w)", zones.ErrChanged, err)
	}
	return err
}

// whole replaces everything at the domain in one request.
func (b *backend) whole(ctx context.Context, at zones.Place, found rrset.Found, data []rrset.Change) error {
	after := slices.Clone(found.Sets)
	for _, c := range data {
		after = slices.DeleteFunc(after, func(s rrset.Set) bool { return s.Type == c.Set.Type })
		if len(c.Set.Values) > 0 {
			after = append(after, c.Set)
		}
	}
	if len(after) == 0 {
		return b.each(ctx, at, found, data)
	}
	var body itemsJSON
	for _, s := range after {
		body.Items = append(body.Items, setJSON{Type: s.Type, TTL: s.TTL, Values: s.Content()})
	}
	_, err := b.api.Do(ctx, webapi.Request{
		Method: http.MethodPut, Path: path(at.Zone, "records", relative(at.Domain, at.Zone)), In: body, Out: new(struct{}),
		Want: []int{http.StatusOK, http.StatusCreated},
	})
	return moved(err)
}

// Each implements zones.Backend.
func (b *backend) Each(ctx context.Context, zone string, take func(string, rrset.Set) error) error {
	all, err := readAll(ctx, b.api, path(zone, "records"), func(j setJSON) string { return absolute(j.Name, zone) + " " + j.Type })
	for _, j := range all {
		if err == nil {
			err = take(absolute(j.Name, zone), rrset.FromContent(j.Type, j.TTL, j.Values))
		}
	}
	return err
}

// Servers implements zones.Backend.
func (b *backend) Servers(ctx context.Context, zone string) ([]authority.Server, error) {
	if len(b.servers) > 0 {
		return b.servers, nil
	}
	var names []string
	_, err := b.api.Do(ctx, webapi.Request{Method: http.MethodGet, Path: path(zone, "nameservers"), Out: &names, Want: []int{http.StatusOK}})
	if err != nil {
		return nil, err
	}
	return zones.Nameservers(names)
}
