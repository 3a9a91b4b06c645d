package main

import (
	"slices"

	mdns "github.com/miekg/dns"

	"github.com/wright-build/wright/plugins/dns/authority"
	"github.com/wright-build/wright/plugins/dns/rrset"
	"github.com/wright-build/wright/plugins/dns/zones"
)

// update makes the message that carries a plan out if all is still as found.
func update(at zones.Place, found rrset.Found, plan rrset.Plan) *mdns.Msg {
	m := new(mdns.Msg).SetUpdate(mdns.Fqdn(at.Zone))
	m.Compress = true
	if len(found.Marker) == 0 {
		m.RRsetNotUsed([]mdns.RR{bare(at.Marker, "TXT")})
	} else {
		m.Used(records(at.Marker, rrset.Set{Type: "TXT", Values: found.Marker}))
	}
	own := owned(at, found)
	for _, s := range found.Sets {
		if slices.Contains(own, s.Type) {
			m.Used(records(at.Domain, rrset.Set{Type: s.Type, Values: s.Values})) // a prerequisite has no TTL
		}
	}
	for _, c := range plan.Data {
		if len(c.Set.Values) > 0 && !slices.Contains(own, c.Set.Type) {
			vacant(m, at, c.Set.Type, own)
		}
	}
	for _, c := range plan.AtOnce() {
		write(m, c, before(at, found, c))
	}
	return m
}

// owned are the types at the domain that Wright has, if anything is marked.
func owned(at zones.Place, found rrset.Found) []string {
	if len(found.Marker) == 0 {
		return nil
	}
	m, _ := rrset.ParseMarker(at.Domain, found.Marker[0])
	return m.Types
}

// vacant requires that nobody else's records are in the way of a new type.
func vacant(m *mdns.Msg, at zones.Place, kind string, own []string) {
	if kind == "CNAME" && len(own) == 0 {
		m.NameNotUsed([]mdns.RR{bare(at.Domain, kind)})
		return
	}
	m.RRsetNotUsed([]mdns.RR{bare(at.Domain, kind)})
	if kind != "CNAME" && !slices.Contains(own, "CNAME") {
		m.RRsetNotUsed([]mdns.RR{bare(at.Domain, "CNAME")})
	}
}

// before is what a change replaces.
func before(at zones.Place, found rrset.Found, c rrset.Change) rrset.Set {
	if c.Name == at.Marker {
		return rrset.Set{Type: "TXT", TTL: c.Set.TTL, Values: found.Marker}
	}
	if i := slices.IndexFunc(found.Sets, func(s rrset.Set) bool { return s.Type == c.Set.Type }); i >= 0 {
		return found.Sets[i]
	}
	return rrset.Set{}
}

// write adds one change, record by record where the set stays.
func write(m *mdns.Msg, c rrset.Change, old rrset.Set) {
	if len(c.Set.Values) == 0 || old.TTL != c.Set.TTL || c.Set.Type == "CNAME" {
		m.RemoveRRset([]mdns.RR{bare(c.Name, c.Set.Type)})
		m.Insert(records(c.Name, c.Set))
		return
	}
	m.Remove(records(c.Name, less(old, c.Set)))
	m.Insert(records(c.Name, less(c.Set, old)))
}

// less is a set without the values of another.
func less(s, other rrset.Set) rrset.Set {
	s.Values = slices.DeleteFunc(slices.Clone(s.Values), func(v string) bool { return slices.Contains(other.Values, v) })
	return s
}

func records(name string, s rrset.Set) []mdns.RR {
	list := make([]mdns.RR, 0, len(s.Values))
	for _, v := range s.Values {
		list = append(list, authority.Record(name, s, v))
	}
	return list
}

// bare stands for all records of a type at a name.
func bare(name, kind string) mdns.RR {
	return &mdns.ANY{Hdr: mdns.RR_Header{Name: mdns.Fqdn(name), Rrtype: mdns.StringToType[kind], Class: mdns.ClassINET}}
}
