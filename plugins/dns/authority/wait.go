package authority

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns/rrset"
)

// Want is a set of records that servers shall answer with, or, where it has no
// values, texts that they shall not answer with any more.
type Want struct {
	Name string
	Set  rrset.Set
	Not  []string
}

// Wait asks each server until it answers with everything that is wanted. When
// the time within is over the error is transient, and says what is answered
// instead.
func Wait(ctx context.Context, servers []Server, wants []Want, within time.Duration) error {
	limit, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	pause := 10 * time.Millisecond
	for {
		err := agree(limit, servers, wants)
		if err == nil || ctx.Err() != nil || plugins.CodeOf(err) == plugins.Denied {
			return err
		}
		select {
		case <-limit.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return plugins.Errorf(plugins.Transient, "wait %v for the name servers: %w", within, err)
		case <-time.After(pause):
			pause = min(2*pause, 2*time.Second)
		}
	}
}

func agree(ctx context.Context, servers []Server, wants []Want) error {
	for _, s := range servers {
		for _, w := range wants {
			got, err := s.Set(ctx, w.Name, w.Set.Type)
			if err != nil {
				return err
			}
			if !w.satisfied(got) {
				return fmt.Errorf("%s answers %s %s with %s, and not yet with %s", s.Address, w.Name, w.Set.Type, shown(got.Values), shown(w.Set.Values))
			}
		}
	}
	return nil
}

// satisfied says whether a server's answer is the wanted one. An answer in the
// place of what is to be gone may come from a wildcard, so only what has the
// domain in itself, as markers have, tells anything.
func (w Want) satisfied(got rrset.Set) bool {
	if len(w.Set.Values) > 0 {
		return slices.Equal(got.Values, w.Set.Values)
	}
	return !slices.ContainsFunc(got.Values, func(text string) bool { return slices.Contains(w.Not, text) })
}

func shown(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%.200q", strings.Join(values, ", "))
}

// Set asks for the records of one of rrset.Types at a name.
func (s Server) Set(ctx context.Context, name, kind string) (rrset.Set, error) {
	records, err := s.Ask(ctx, name, mdns.StringToType[kind])
	set := rrset.Set{Type: kind}
	for _, rr := range records {
		set.TTL = rr.Header().Ttl
		set.Values = append(set.Values, Value(rr))
	}
	slices.Sort(set.Values)
	return set, err
}

// Value gives a record's value in the form of package rrset; "" of other types.
func Value(rr mdns.RR) string {
	switch r := rr.(type) {
	case *mdns.A:
		return r.A.String()
	case *mdns.AAAA:
		return r.AAAA.String()
	case *mdns.CNAME:
		return rrset.Fold(r.Target)
	case *mdns.TXT:
		return text(r.Txt)
	}
	return ""
}

// text joins the strings of a TXT record, which the library keeps escaped.
func text(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		plain, err := rrset.Unquote(`"` + p + `"`)
		if err != nil {
			return "" // the library has no such strings
		}
		b.WriteString(plain)
	}
	return b.String()
}

// Record makes a record of a value of a set.
func Record(name string, s rrset.Set, value string) mdns.RR {
	h := mdns.RR_Header{Name: mdns.Fqdn(name), Class: mdns.ClassINET, Rrtype: mdns.StringToType[s.Type], Ttl: s.TTL}
	switch s.Type {
	case "CNAME":
		return &mdns.CNAME{Hdr: h, Target: mdns.Fqdn(value)}
	case "TXT":
		return &mdns.TXT{Hdr: h, Txt: escapedStrings(value)}
	}
	return address(h, value)
}

func address(h mdns.RR_Header, value string) mdns.RR {
	ip := net.ParseIP(value)
	if h.Rrtype == mdns.TypeA {
		return &mdns.A{Hdr: h, A: ip.To4()}
	}
	return &mdns.AAAA{Hdr: h, AAAA: ip}
}

// escapedStrings are the strings of a TXT record as the library keeps them.
func escapedStrings(value string) []string {
	quoted := rrset.Quote(value)
	return strings.Split(quoted[1:len(quoted)-1], `" "`)
}
