package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/rrset"
	"github.com/wright-build/wright/plugins/dns/zones"
)

// atATime is how many conversations with servers go on at once; BIND takes 150
// over TCP from everybody together.
const atATime = 16

// backend speaks to the primaries of its zones.
type backend struct {
	zones map[string]zone
	slots chan struct{}
}

var _ zones.Backend = (*backend)(nil)

// Zones implements zones.Backend.
func (b *backend) Zones(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(b.zones)), nil
}

// Servers implements zones.Backend.
func (b *backend) Servers(_ context.Context, name string) ([]authority.Server, error) {
	z := b.zones[name]
	primary, err := z.at()
	list := []authority.Server{primary}
	for _, v := range z.verify {
		list = append(list, authority.Server{Address: v})
	}
	return list, err
}

// enter waits for a slot.
func (b *backend) enter(ctx context.Context) (leave func(), err error) {
	select {
	case b.slots <- struct{}{}:
		return func() { <-b.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Look implements zones.Backend. What a domain that is not Wright's has is left
// to the server to find out when it applies the plan: an answer to a question
// may come from a wildcard.
func (b *backend) Look(ctx context.Context, at zones.Place) (rrset.Found, error) {
	server, err := b.zones[at.Zone].at()
	if err != nil {
		return rrset.Found{}, err
	}
	leave, err := b.enter(ctx)
	if err != nil {
		return rrset.Found{}, err
	}
	defer leave()
	var found rrset.Found
	err = again(ctx, func() error {
		found, err = look(ctx, server, at)
		return err
	})
	return found, err
}

func look(ctx context.Context, server authority.Server, at zones.Place) (rrset.Found, error) {
	marker, err := server.Set(ctx, at.Marker, "TXT")
	if err != nil || len(marker.Values) == 0 {
		return rrset.Found{}, err
	}
	m, ok := rrset.ParseMarker(at.Domain, marker.Values[0])
	if !ok {
		there, err := holds(ctx, server, at.Zone, func(probe *mdns.Msg) { probe.RRsetUsed([]mdns.RR{bare(at.Marker, "TXT")}) })
		if err != nil || !there {
			return rrset.Found{}, err // a wildcard answered
		}
		return rrset.Found{Marker: marker.Values}, nil
	}
	found := rrset.Found{Marker: marker.Values}
	for _, t := range m.Types {
		s, err := server.Set(ctx, at.Domain, t)
		if err != nil {
			return found, err
		}
		if len(s.Values) > 0 {
			found.Sets = append(found.Sets, s)
		}
	}
	return found, nil
}

// typesAt are those of all records at a domain. Only a transfer tells them all:
// many servers answer a question for ANY with one type alone.
func typesAt(ctx context.Context, server authority.Server, at zones.Place) ([]string, error) {
	var types []string
	err := server.Transfer(ctx, at.Zone, func(rr mdns.RR) error {
		if h := rr.Header(); rrset.Fold(h.Name) == at.Domain && !slices.Contains(types, mdns.TypeToString[h.Rrtype]) {
			types = append(types, mdns.TypeToString[h.Rrtype])
		}
		return nil
	})
	return types, err
}

// again repeats what a server or the network failed at, a few times.
func again(ctx context.Context, f func() error) error {
	const times = 3
	pause := 100 * time.Millisecond
	for i := 1; ; i++ {
		err := f()
		if err == nil || i == times || ctx.Err() != nil || plugins.CodeOf(err) != plugins.Transient {
			return err
		}
		wait(ctx, pause)
		pause *= 3
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Apply implements zones.Backend: one UPDATE, with everything that was found as
// its prerequisites.
func (b *backend) Apply(ctx context.Context, at zones.Place, found rrset.Found, plan rrset.Plan) error {
	server, err := b.zones[at.Zone].at()
	if err != nil {
		return err
	}
	leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if becomesAlias(at, found, plan) {
		// The server drops a CNAME in silence where anything else stands.
		if err := taken(ctx, server, at, found, plan); err != nil {
			return err
		}
	}
	_, err = server.Exchange(ctx, update(at, found, plan))
	e, ok := errors.AsType[*authority.CodeError](err)
	switch {
	case ok && unmet(e.Rcode):
		if err := taken(ctx, server, at, found, plan); err != nil {
			return err
		}
		return fmt.Errorf("%w (%w)", zones.ErrChanged, err)
	case err != nil && ctx.Err() == nil && plugins.CodeOf(err) == plugins.Transient:
		// It may have been applied or not: looking again tells.
		wait(ctx, 200*time.Millisecond)
		return fmt.Errorf("%w, or not (%w)", zones.ErrChanged, err)
	}
	return err
}

// becomesAlias says whether a CNAME comes to where other records of Wright's are.
func becomesAlias(at zones.Place, found rrset.Found, plan rrset.Plan) bool {
	own := owned(at, found)
	return len(own) > 0 && !slices.Contains(own, "CNAME") &&
		slices.ContainsFunc(plan.Data, func(c rrset.Change) bool { return c.Set.Type == "CNAME" })
}

// unmet says whether an answer means that a prerequisite does not hold.
func unmet(rcode int) bool {
	return rcode == mdns.RcodeYXDomain || rcode == mdns.RcodeYXRrset || rcode == mdns.RcodeNXRrset || rcode == mdns.RcodeNameError
}

// taken finds out whether records of others are in the way of the plan.
func taken(ctx context.Context, server authority.Server, at zones.Place, found rrset.Found, plan rrset.Plan) error {
	fresh, err := look(ctx, server, at)
	if err != nil || !slices.Equal(fresh.Marker, found.Marker) {
		return err // whoever looks again finds out
	}
	there, err := typesAt(ctx, server, at)
	if err != nil {
		return err
	}
	var all rrset.Found
	for _, kind := range there {
		all.Sets = append(all.Sets, rrset.Set{Type: kind})
	}
	var want []rrset.Set
	for _, c := range plan.Data {
		if len(c.Set.Values) > 0 {
			want = append(want, c.Set)
		}
	}
	return rrset.Conflicts(at.Domain, owned(at, found), want, all)
}

// holds asks whether a prerequisite holds, by an update without any change.
func holds(ctx context.Context, server authority.Server, zone string, require func(*mdns.Msg)) (bool, error) {
	probe := new(mdns.Msg).SetUpdate(mdns.Fqdn(zone))
	require(probe)
	_, err := server.Exchange(ctx, probe)
	if e, ok := errors.AsType[*authority.CodeError](err); ok && unmet(e.Rcode) {
		return false, nil
	}
	return err == nil, err
}

// Each implements zones.Backend with a transfer of the zone.
func (b *backend) Each(ctx context.Context, name string, take func(string, rrset.Set) error) error {
	server, err := b.zones[name].at()
	if err != nil {
		return err
	}
	leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var sets gathered
	if err := again(ctx, func() error {
		sets = gathered{}
		return server.Transfer(ctx, name, sets.add)
	}); err != nil {
		return err
	}
	for k, s := range sets {
		slices.Sort(s.Values)
		if err := take(k.name, *s); err != nil {
			return err
		}
	}
	return nil
}

type setKey struct {
	name string
	kind uint16
}

// gathered are the sets of a zone, of the types that Wright has.
type gathered map[setKey]*rrset.Set

func (g gathered) add(rr mdns.RR) error {
	h := rr.Header()
	value := authority.Value(rr)
	if value == "" {
		return nil
	}
	k := setKey{rrset.Fold(h.Name), h.Rrtype}
	if g[k] == nil {
		g[k] = &rrset.Set{Type: mdns.TypeToString[h.Rrtype], TTL: h.Ttl}
	}
	g[k].Values = append(g[k].Values, value)
	return nil
}
