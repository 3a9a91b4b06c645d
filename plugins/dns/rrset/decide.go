package rrset

import (
	"maps"
	"slices"

	"github.com/wright-build/wright/plugins"
)

// Found is what stands at a domain, and at the name of its marker, at the far side.
type Found struct {
	Sets   []Set    // at the domain, of all types
	Marker []string // the texts at the name of the marker
}

// Change gives a name a set of records in the place of those of its type; one
// without values takes them away.
type Change struct {
	Name string
	Set  Set
}

// Plan is what is to be done. A server that takes all at once gets Data and
// Last; one that does not gets First, each of Data, and Last, in this order:
// wherever it is interrupted, the marker tells of everything that may be there. What
// is taken away stands before what takes its place, such as a CNAME that of addresses.
type Plan struct {
	First *Change // the marker with the types of before and after
	Data  []Change
	Last  *Change // the marker as it stays, or its end
}

// Empty says whether there is nothing to do.
func (p Plan) Empty() bool { return p.First == nil && len(p.Data) == 0 && p.Last == nil }

// AtOnce gives all changes in one.
func (p Plan) AtOnce() []Change {
	if p.Last == nil {
		return p.Data
	}
	return append(slices.Clone(p.Data), *p.Last)
}

// InTurn gives all changes in the order in which they are safe one by one.
func (p Plan) InTurn() []Change {
	if p.First == nil {
		return p.AtOnce()
	}
	all := append([]Change{*p.First}, p.Data...)
	if p.Last != nil && !p.Last.Set.Equal(p.First.Set) {
		all = append(all, *p.Last)
	}
	return all
}

// markerTTL is short: nobody but Wright asks for markers.
const markerTTL = 60

// Decide gives what is to be done so that the domain has the sets want, with the
// tags, which need the installation's among them. Records of others are exists (it asks
// Conflicts), and tags that no marker has room for are invalid. No sets mean that what
// is ours goes; where nothing is, the plan is empty. The marker's TTL is minTTL or more.
func Decide(domain string, tags map[string]string, want []Set, minTTL uint32, found Found) (Plan, error) {
	owner := tags[plugins.InstallationTag]
	if owner == "" {
		return Plan{}, noOwner()
	}
	m := markerOf(domain, tags, want)
	old, marked, err := ownerOf(domain, owner, found)
	if len(want) == 0 {
		if err != nil || !marked {
			return Plan{}, nil // nothing there is ours
		}
		return Plan{Data: removals(old, nil, domain, found), Last: end(domain)}, nil
	}
	if err == nil {
		err = m.check()
	}
	if err == nil {
		err = Conflicts(domain, old.Types, want, found)
	}
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Data: append(removals(old, want, domain, found), additions(want, domain, found)...)}
	ttl := max(markerTTL, minTTL)
	claim := Marker{Domain: domain, Tags: tags, Types: union(m.Types, old.Types)}
	if !marked || !slices.Equal(claim.Types, old.Types) {
		p.First = claim.change(ttl)
	}
	if !marked || !slices.Equal(m.Types, old.Types) || !maps.Equal(old.Tags, tags) {
		p.Last = m.change(ttl)
	}
	return p, nil
}

func markerOf(domain string, tags map[string]string, want []Set) Marker {
	m := Marker{Domain: domain, Tags: tags}
	for _, s := range want {
		m.Types = append(m.Types, s.Type)
	}
	slices.Sort(m.Types)
	return m
}

// TextOf is the text of the marker beside the sets want.
func TextOf(domain string, tags map[string]string, want []Set) string {
	return markerOf(domain, tags, want).String()
}

func noOwner() error {
	return plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody would own the records")
}

func (m Marker) change(ttl uint32) *Change {
	return &Change{MarkerName(m.Domain), Set{"TXT", ttl, []string{m.String()}}}
}

func end(domain string) *Change { return &Change{MarkerName(domain), Set{Type: "TXT"}} }

// ownerOf reads the marker. Anything at its place that is not this
// installation's is exists.
func ownerOf(domain, owner string, found Found) (m Marker, marked bool, err error) {
	if len(found.Marker) == 0 {
		return Marker{}, false, nil
	}
	m, ok := ParseMarker(domain, found.Marker[0])
	switch {
	case len(found.Marker) > 1 || !ok:
		err = plugins.Errorf(plugins.Exists, "the TXT record of %s is not Wright's, so %s is left alone", MarkerName(domain), domain)
	case m.Tags[plugins.InstallationTag] != owner:
		err = plugins.Errorf(plugins.Exists, "%s belongs to the installation %q", domain, m.Tags[plugins.InstallationTag])
	}
	return m, err == nil, err
}

// Conflicts finds records of others, of types that are not among own, which the
// wanted ones cannot stand beside.
func Conflicts(domain string, own []string, want []Set, found Found) error {
	for _, there := range found.Sets {
		if slices.Contains(own, there.Type) || beside(there.Type) {
			continue
		}
		for _, s := range want {
			if s.Type == there.Type || s.Type == "CNAME" || there.Type == "CNAME" {
				return plugins.Errorf(plugins.Exists, "%s has records of type %s that are not Wright's; delete them, or choose another domain", domain, there.Type)
			}
		}
	}
	return nil
}

// beside says whether records of a type may stand beside a CNAME: those of DNSSEC.
func beside(kind string) bool { return kind == "RRSIG" || kind == "NSEC" || kind == "NSEC3" }

// removals take away what is Wright's and no longer wanted.
func removals(old Marker, want []Set, domain string, found Found) []Change {
	var changes []Change
	for _, t := range old.Types {
		of := func(s Set) bool { return s.Type == t }
		if slices.ContainsFunc(found.Sets, of) && !slices.ContainsFunc(want, of) {
			changes = append(changes, Change{domain, Set{Type: t}})
		}
	}
	return changes
}

// additions put in place what is not there as it is wanted.
func additions(want []Set, domain string, found Found) []Change {
	var changes []Change
	for _, s := range want {
		if !slices.ContainsFunc(found.Sets, s.Equal) {
			changes = append(changes, Change{domain, s})
		}
	}
	return changes
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
