// Package rrset holds what every DNS provider must decide and none need talk to
// anybody for: the one form of a record, which zone a name lies in, whose records
// they are, and what is to be changed. It knows no server and no protocol.
//
// Whose records they are is kept in the zone itself, so that every agent finds
// it: beside the records of shop.example.test stands a TXT record of
// _wright.shop.example.test, the marker, with the types that are Wright's there,
// and the tags.
//
// A Set goes through Normal, Parse and Zone, reads what is Found at the domain and
// at its MarkerName, asks Decide, and carries out the Plan. A Delete is the same with
// no sets. A List takes the names of a zone that MarkedDomain knows, reads each marker
// with ParseMarker, and the sets of the marker's types. What they refuse has its code
// and its field already.
package rrset

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

// Set is the records of one type at one name.
type Set struct {
	Type   string
	TTL    uint32   // seconds
	Values []string // sorted, each once, in one form: addresses, names in lower case without the dot behind, plain text
}

// Types are those that Parse takes.
func Types() []string { return []string{"A", "AAAA", "CNAME", "TXT"} }

// Normal is the one form of a domain: lower case, no dot behind. A name that leaves
// no room for that of its marker, or begins like one, is invalid.
func Normal(domain string) (string, error) {
	if err := dns.CheckDomain(domain); err != nil {
		return "", err
	}
	name := Fold(domain)
	if first, _, _ := strings.Cut(strings.TrimPrefix(name, "*."), "."); strings.HasPrefix(first, reserved) {
		return "", plugins.Invalidf("domain", "%s: names that begin with %s are Wright's own", name, reserved)
	}
	if len(MarkerName(name)) > 253 {
		return "", plugins.Invalidf("domain", "%.60s… is too long: %s must fit too", name, "_wright."+"DOMAIN")
	}
	return name, nil
}

// Fold gives a name that a server said in the form that Normal gives, whatever it is.
func Fold(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Zone gives the longest of zones that the domain lies in.
func Zone(domain string, zones []string) (string, error) {
	best := ""
	for _, z := range zones {
		if z = Fold(z); len(z) > len(best) && (domain == z || strings.HasSuffix(domain, "."+z)) {
			best = z
		}
	}
	if best == "" {
		shown := zones[:min(len(zones), 10)]
		return "", plugins.Invalidf("domain", "%s lies in none of the zones that this provider may change: %s", domain, strings.Join(shown, ", "))
	}
	return best, nil
}

// Parse checks records and sorts them by type. A record without a TTL gets ttl.
func Parse(domain string, records []dns.Record, ttl time.Duration) ([]Set, error) {
	var sets []Set
	for i, r := range records {
		field := fmt.Sprintf("records[%d]", i)
		kind := strings.ToUpper(r.Type)
		value, err := parseValue(field, kind, r.Value)
		if err != nil {
			return nil, err
		}
		if kind == "CNAME" && value == domain {
			return nil, plugins.Invalidf(field+".value", "%s cannot be another name for itself", domain)
		}
		if r.TTL == 0 {
			r.TTL = ttl
		}
		if sets, err = add(sets, field, Set{kind, uint32(r.TTL / time.Second), []string{value}}); err != nil {
			return nil, err
		}
	}
	for i, s := range sets {
		slices.Sort(s.Values)
		sets[i].Values = slices.Compact(s.Values)
		if s.Type == "CNAME" && (len(sets) > 1 || len(sets[i].Values) > 1) {
			return nil, plugins.Invalidf("records", "a CNAME stands alone: %s can have no other records beside it", domain)
		}
	}
	slices.SortFunc(sets, func(a, b Set) int { return strings.Compare(a.Type, b.Type) })
	return sets, nil
}

// add puts a set with one value to those of its type.
func add(sets []Set, field string, s Set) ([]Set, error) {
	i := slices.IndexFunc(sets, func(have Set) bool { return have.Type == s.Type })
	if i < 0 {
		return append(sets, s), nil
	}
	if sets[i].TTL != s.TTL {
		return nil, plugins.Invalidf(field+".ttl", "the records of one type have one TTL; here %ds and %ds", sets[i].TTL, s.TTL)
	}
	sets[i].Values = append(sets[i].Values, s.Values...)
	return sets, nil
}

func parseValue(field, kind, value string) (string, error) {
	switch kind {
	case "A", "AAAA":
		a, err := netip.ParseAddr(value)
		if err != nil || a.Is4() != (kind == "A") || a.Zone() != "" || a.Is4In6() {
			return "", plugins.Invalidf(field+".value", "%.60q is no address for a record of type %s", value, kind)
		}
		return a.String(), nil
	case "CNAME":
		if err := dns.CheckDomain(value); err != nil || strings.HasPrefix(value, "*") {
			return "", plugins.Invalidf(field+".value", "%.60q is no name that a CNAME can lead to", value)
		}
		return Fold(value), nil
	case "TXT":
		return parseText(field, value)
	}
	return "", plugins.Errorf(plugins.Unsupported, "%s.type: %.20q is none of the types that this provider serves, %s", field, kind, strings.Join(Types(), ", "))
}

// parseText reads a text as it is, or as in a zone file when it stands in quotes.
func parseText(field, value string) (string, error) {
	text := value
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		var err error
		if text, err = Unquote(value); err != nil {
			return "", plugins.Invalidf(field+".value", "%w", err)
		}
	}
	if err := plugins.CheckToken(field+".value", text); err != nil {
		return "", err
	}
	if len(Quote(text)) > plugins.MaxText && text[0] == '"' && text[len(text)-1] == '"' {
		return "", plugins.Invalidf(field+".value", "is too long to be given in quotes")
	}
	return text, nil
}

// Records gives the set as the contract has it. What the contract cannot have,
// such as a text with a line break that a person has put there, is left out.
func (s Set) Records() []dns.Record {
	records := make([]dns.Record, 0, len(s.Values))
	for _, v := range s.Values {
		if n := len(v); s.Type == "TXT" && n > 1 && v[0] == '"' && v[n-1] == '"' {
			v = Quote(v)
		}
		if plugins.CheckToken("value", v) == nil && len(records) < dns.MaxRecords {
			records = append(records, dns.Record{Type: s.Type, Value: v, TTL: time.Duration(min(s.TTL, maxTTL)) * time.Second})
		}
	}
	return records
}

// maxTTL is the longest in DNS; longer ones count as 0 there.
const maxTTL = 1<<31 - 1

// Equal says whether two sets are the same, also in their TTL.
func (s Set) Equal(other Set) bool {
	return s.Type == other.Type && s.TTL == other.TTL && slices.Equal(s.Values, other.Values)
}

// Content gives the values as a zone file has them.
func (s Set) Content() []string {
	list := make([]string, 0, len(s.Values))
	for _, v := range s.Values {
		switch s.Type {
		case "CNAME":
			v += "."
		case "TXT":
			v = Quote(v)
		}
		list = append(list, v)
	}
	return list
}

// FromContent makes a set of values as a zone file has them, which a server gave.
// Of a type that Parse does not take it keeps only that it is there, and a value
// that it cannot read, which is nobody's here, as it is.
func FromContent(kind string, ttl uint32, content []string) Set {
	s := Set{Type: strings.ToUpper(kind), TTL: ttl}
	if !slices.Contains(Types(), s.Type) {
		return s
	}
	for _, c := range content {
		s.Values = append(s.Values, fromContent(s.Type, c))
	}
	slices.Sort(s.Values)
	s.Values = slices.Compact(s.Values)
	return s
}

func fromContent(kind, content string) string {
	switch kind {
	case "CNAME":
		return Fold(content)
	case "TXT":
		if text, err := Unquote(content); err == nil {
			return text
		}
	default:
		if a, err := netip.ParseAddr(content); err == nil {
			return a.String()
		}
	}
	return content
}
