// Package zones makes a dns.Provider of anything that keeps zones: it looks,
// decides with package rrset, has the difference written, and waits until the
// name servers answer with it. It knows no service; a Backend does.
package zones

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/rrset"
)

// Backend is a service that keeps zones. Names are in the form of package rrset.
type Backend interface {
	// Zones names the zones that may be changed.
	Zones(ctx context.Context) ([]string, error)
	// Look gives what stands at a place.
	Look(ctx context.Context, at Place) (rrset.Found, error)
	// Apply carries out a plan that was made from found: at once and only if that
	// is still so, as far as the service can. ErrChanged means that it was not.
	Apply(ctx context.Context, at Place, found rrset.Found, plan rrset.Plan) error
	// Each gives every set of a zone.
	Each(ctx context.Context, zone string, take func(name string, s rrset.Set) error) error
	// Servers are the name servers that must answer with what was set.
	Servers(ctx context.Context, zone string) ([]authority.Server, error)
}

// Place is where a domain's records stand.
type Place struct {
	Zone   string
	Domain string
	Marker string // the name of the domain's marker
}

// ErrChanged is Apply's error when somebody was faster.
var ErrChanged = errors.New("somebody else changed the records meanwhile")

// Provider is a dns.Provider over a backend.
type Provider struct {
	Backend Backend
	TTL     time.Duration // of records without one
	MinTTL  time.Duration // the least that the service takes
	Within  time.Duration // how long Set and Delete wait for the name servers

	locks locks
}

var _ dns.Provider = (*Provider)(nil)

// Set implements dns.Provider.
func (p *Provider) Set(ctx context.Context, s dns.Spec) error {
	domain, err := rrset.Normal(s.Domain)
	if err != nil {
		return err
	}
	want, err := rrset.Parse(domain, s.Records, p.TTL)
	if err != nil {
		return err
	}
	least := uint32(p.MinTTL / time.Second)
	for _, w := range want {
		if w.TTL < least {
			return plugins.Invalidf("records.ttl", "%ds is too short, the service takes %ds and more", w.TTL, least)
		}
	}
	return p.change(ctx, domain, s.Tags, want)
}

// Delete implements dns.Provider.
func (p *Provider) Delete(ctx context.Context, domain string, tags map[string]string) error {
	domain, err := rrset.Normal(domain)
	if err != nil {
		return err
	}
	return p.change(ctx, domain, tags, nil)
}

// attempts is how often a change is begun again when somebody is faster.
const attempts = 10

func (p *Provider) change(ctx context.Context, domain string, tags map[string]string, want []rrset.Set) error {
	if tags[plugins.InstallationTag] == "" {
		return plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody would own the records")
	}
	release, err := p.locks.hold(ctx, domain)
	if err != nil {
		return err
	}
	defer release()
	at, err := p.place(ctx, domain)
	if err != nil {
		return err
	}
	pause := 20 * time.Millisecond
	for range attempts {
		err = p.once(ctx, at, tags, want)
		if !errors.Is(err, ErrChanged) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, time.Second)
	}
	return plugins.Errorf(plugins.Transient, "change %s for %d times: %w", domain, attempts, err)
}

func (p *Provider) place(ctx context.Context, domain string) (Place, error) {
	names, err := p.Backend.Zones(ctx)
	if err != nil {
		return Place{}, err
	}
	zone, err := rrset.Zone(domain, names)
	return Place{Zone: zone, Domain: domain, Marker: rrset.MarkerName(domain)}, err
}

// once looks, decides, writes what differs and waits for the name servers: also
// when nothing differs, for an earlier call may have died while it waited.
func (p *Provider) once(ctx context.Context, at Place, tags map[string]string, want []rrset.Set) error {
	found, err := p.Backend.Look(ctx, at)
	if err != nil {
		return err
	}
	plan, err := rrset.Decide(at.Domain, tags, want, uint32(p.MinTTL/time.Second), found)
	if err != nil {
		return err
	}
	if !plan.Empty() {
		if err := p.Backend.Apply(ctx, at, found, plan); err != nil {
			p.undo(ctx, at, tags, found, err)
			return err
		}
	}
	if len(want) == 0 && plan.Empty() {
		return nil // there was nothing of ours
	}
	return p.await(ctx, at, tags, want, found)
}

// undo takes away what a refused plan has left of a domain that was not marked
// before, where the service does not do all at once. If that fails the list tells
// of it.
func (p *Provider) undo(ctx context.Context, at Place, tags map[string]string, before rrset.Found, refusal error) {
	code := plugins.CodeOf(refusal)
	if len(before.Marker) > 0 || code != plugins.Invalid && code != plugins.Quota && code != plugins.Unsupported {
		return
	}
	found, err := p.Backend.Look(ctx, at)
	if err != nil {
		return
	}
	if plan, err := rrset.Decide(at.Domain, tags, nil, 0, found); err == nil && !plan.Empty() {
		_ = p.Backend.Apply(ctx, at, found, plan) // what counts is the refusal
	}
}

func (p *Provider) await(ctx context.Context, at Place, tags map[string]string, want []rrset.Set, found rrset.Found) error {
	servers, err := p.Backend.Servers(ctx, at.Zone)
	if err != nil {
		return err
	}
	gone := authority.Want{Name: at.Marker, Set: rrset.Set{Type: "TXT"}, Not: found.Marker}
	wants := []authority.Want{gone}
	if len(want) > 0 {
		wants = nil
		for _, s := range want {
			wants = append(wants, authority.Want{Name: at.Domain, Set: s})
		}
		text := rrset.TextOf(at.Domain, tags, want)
		wants = append(wants, authority.Want{Name: at.Marker, Set: rrset.Set{Type: "TXT", Values: []string{text}}})
	}
	return p.agreed(ctx, at, tags, want, servers, wants)
}

// patience is how long name servers are asked before the service is asked
// whether what is waited for is still so.
const patience = time.Second

func (p *Provider) agreed(ctx context.Context, at Place, tags map[string]string, want []rrset.Set, servers []authority.Server, wants []authority.Want) error {
	for end := time.Now().Add(p.Within); ; {
		err := authority.Wait(ctx, servers, wants, min(patience, p.Within))
		if err == nil || ctx.Err() != nil || plugins.CodeOf(err) != plugins.Transient {
			return err
		}
		found, lookErr := p.Backend.Look(ctx, at)
		if lookErr != nil {
			return lookErr
		}
		plan, decideErr := rrset.Decide(at.Domain, tags, want, uint32(p.MinTTL/time.Second), found)
		if decideErr != nil {
			return decideErr
		}
		if !plan.Empty() {
			return plugins.Errorf(plugins.Transient, "change %s: another call for it came behind this one and counts", at.Domain)
		}
		if time.Now().After(end) {
			return plugins.Errorf(plugins.Transient, "%s has its records, but after %v not everywhere: %w", at.Domain, p.Within, err)
		}
	}
}

// List implements dns.Provider.
func (p *Provider) List(ctx context.Context, tags map[string]string) ([]dns.Entry, error) {
	names, err := p.Backend.Zones(ctx)
	if err != nil {
		return nil, err
	}
	var list []dns.Entry
	for _, zone := range names {
		z := contents{sets: map[string][]rrset.Set{}}
		if err := p.Backend.Each(ctx, zone, z.take); err != nil {
			return nil, fmt.Errorf("list zone %s: %w", zone, err)
		}
		z.markers = slices.DeleteFunc(z.markers, func(m rrset.Marker) bool {
			own, err := rrset.Zone(m.Domain, names)
			return err != nil || own != zone // it stands where a zone of its own is by now
		})
		list = append(list, z.entries(tags)...)
	}
	return list, nil
}

// contents are a zone's sets that may matter.
type contents struct {
	sets    map[string][]rrset.Set
	markers []rrset.Marker
}

func (z *contents) take(name string, s rrset.Set) error {
	if domain, ok := rrset.MarkedDomain(name); ok {
		if s.Type == "TXT" && len(s.Values) == 1 {
			if m, ok := rrset.ParseMarker(domain, s.Values[0]); ok {
				z.markers = append(z.markers, m)
			}
		}
		return nil
	}
	if slices.Contains(rrset.Types(), s.Type) {
		z.sets[name] = append(z.sets[name], s)
	}
	return nil
}

// entries gives the domains that are marked with all of tags. One whose records
// are all gone is among them: its marker is still to be deleted.
func (z *contents) entries(tags map[string]string) []dns.Entry {
	var list []dns.Entry
	for _, m := range z.markers {
		if !plugins.HasTags(m.Tags, tags) {
			continue
		}
		e := dns.Entry{Domain: m.Domain, Tags: maps.Clone(m.Tags)}
		for _, s := range z.sets[m.Domain] {
			if slices.Contains(m.Types, s.Type) {
				e.Records = append(e.Records, s.Records()...)
			}
		}
		e.Records = e.Records[:min(len(e.Records), dns.MaxRecords)]
		list = append(list, e)
	}
	return list
}

// locks let one call at a time change a domain.
type locks struct {
	mu   sync.Mutex // guards all below
	held map[string]chan struct{}
}

// hold waits until nobody else holds the domain.
func (l *locks) hold(ctx context.Context, domain string) (release func(), err error) {
	for ctx.Err() == nil {
		l.mu.Lock()
		if l.held == nil {
			l.held = map[string]chan struct{}{}
		}
		other, taken := l.held[domain]
		if !taken {
			own := make(chan struct{})
			l.held[domain] = own
			l.mu.Unlock()
			return func() { l.release(domain, own) }, nil
		}
		l.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
		}
	}
	return nil, ctx.Err()
}

func (l *locks) release(domain string, own chan struct{}) {
	l.mu.Lock()
	delete(l.held, domain)
	l.mu.Unlock()
	close(own)
}
