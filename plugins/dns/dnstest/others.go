package dnstest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/rrset"
)

func personal(kind string, values ...string) rrset.Set {
	return rrset.Set{Type: kind, TTL: 600, Values: values}
}

// neighbours are two installations in one zone.
func (s Subject) neighbours(t *testing.T) {
	a := s.agent(t)
	ours, theirs := "ours."+s.Zone, "theirs."+s.Zone
	a.set(t, "one", ours, "", record("A", "192.0.2.1")...)
	a.set(t, "two", theirs, "", record("A", "192.0.2.2")...)
	a.set(t, "two", ours, plugins.Exists, record("A", "192.0.2.3")...)
	a.set(t, "two", ours, plugins.Exists, record("CNAME", "elsewhere.example.test")...)
	a.set(t, "two", ours, plugins.Exists, record("TXT", "beside")...)
	a.delete(t, "two", ours)
	s.want(t, ours, "A", "192.0.2.1")
	s.want(t, ours, "TXT")
	for installation, want := range map[string]string{"one": ours, "two": theirs} {
		if got := a.listed(t, installation); !slices.Equal(got, []string{want}) {
			t.Errorf("installation %s has %q, want %s", installation, got, want)
		}
	}
	a.delete(t, "one", ours)
	a.delete(t, "two", theirs)
	a.set(t, "two", ours, "", record("A", "192.0.2.4")...)
	a.delete(t, "two", ours)
}

// agents are two of one installation that change one domain at once: it has what
// one of them wanted, never some of both.
func (s Subject) agents(t *testing.T) {
	agents := []agent{s.agent(t), s.agent(t)}
	domain, rounds := "both."+s.Zone, 20
	if s.Slow {
		rounds = 4
	}
	for round := range rounds {
		var wants [2][]string
		var all sync.WaitGroup
		for i, a := range agents {
			var records []dns.Record
			for n := range 3 {
				value := fmt.Sprintf("192.0.2.%d", 100*i+3*round+n)
				wants[i] = append(wants[i], value)
				records = append(records, record("A", value)...)
			}
			slices.Sort(wants[i])
			all.Go(func() { // one of them may be told that the other was faster
				_ = a.Set(limit(t), dns.Spec{Domain: domain, Records: records, Tags: tagsOf("one")})
			})
		}
		all.Wait()
		if got := s.ask(t, domain, "A"); !slices.Equal(got, wants[0]) && !slices.Equal(got, wants[1]) {
			t.Fatalf("round %d: one agent set %q, the other %q, and the server answers %q", round, wants[0], wants[1], got)
		}
	}
	agents[0].delete(t, "one", domain)
}

// person has records of its own, which stay as they are.
func (s Subject) person(t *testing.T) {
	a := s.agent(t)
	for _, tt := range []struct {
		name   string
		theirs rrset.Set
		kind   string
		value  string
		code   plugins.Code
	}{
		{"p-address", personal("A", "198.51.100.1"), "A", "192.0.2.1", plugins.Exists},
		{"p-alias", personal("CNAME", "theirs.example.test"), "A", "192.0.2.1", plugins.Exists},
		{"p-other-alias", personal("CNAME", "theirs.example.test"), "CNAME", "ours.example.test", plugins.Exists},
		{"p-under-alias", personal("A", "198.51.100.1"), "CNAME", "ours.example.test", plugins.Exists},
		{"p-text", personal("TXT", "v=spf1 -all"), "TXT", "ours", plugins.Exists},
		{"p-beside", personal("TXT", "v=spf1 -all"), "A", "192.0.2.1", ""},
		{"p-six", personal("AAAA", "2001:db8::1"), "A", "192.0.2.1", ""},
	} {
		name := tt.name + "." + s.Zone
		s.Person(t, name, tt.theirs)
		a.set(t, "one", name, tt.code, record(tt.kind, tt.value)...)
		s.want(t, name, tt.theirs.Type, tt.theirs.Values...)
		if tt.code == "" {
			s.want(t, name, tt.kind, tt.value)
			a.set(t, "one", name, plugins.Exists, record("CNAME", "ours.example.test")...)
		}
		a.delete(t, "one", name)
		s.want(t, name, tt.theirs.Type, tt.theirs.Values...)
		if tt.kind != tt.theirs.Type {
			s.want(t, name, tt.kind)
		}
	}
	s.markerOfAPerson(t, a)
	if got := a.listed(t, "one"); len(got) > 0 {
		t.Errorf("listed as Wright's: %q", got)
	}
}

// markerOfAPerson is something at the place of a marker that is none, or a
// marker of somebody who is not this installation.
func (s Subject) markerOfAPerson(t *testing.T, a agent) {
	for name, text := range map[string]string{
		"m-text": "hello", "m-stranger": rrset.Marker{Domain: "m-stranger." + s.Zone, Types: []string{"A"}, Tags: tagsOf("somebody")}.String(),
	} {
		domain := name + "." + s.Zone
		s.Person(t, rrset.MarkerName(domain), personal("TXT", text))
		a.set(t, "one", domain, plugins.Exists, record("A", "192.0.2.1")...)
		a.delete(t, "one", domain)
		s.want(t, domain, "A")
		s.want(t, rrset.MarkerName(domain), "TXT", text)
	}
}

// wildcard answers for names that do not exist, which must mislead nobody.
func (s Subject) wildcard(t *testing.T) {
	a, domain := s.agent(t), "below.wild."+s.Zone
	s.Person(t, "*.wild."+s.Zone, personal("A", "198.51.100.7"))
	s.Person(t, "*.wild."+s.Zone, personal("TXT", "from the wildcard"))
	a.set(t, "one", domain, "", record("A", "192.0.2.1")...)
	s.want(t, domain, "A", "192.0.2.1")
	a.set(t, "one", domain, "", record("CNAME", "ours.example.test")...)
	s.want(t, domain, "CNAME", "ours.example.test")
	a.delete(t, "one", domain)
	s.want(t, domain, "A", "198.51.100.7")
	s.want(t, domain, "CNAME")
	a.set(t, "one", "*.mine."+s.Zone, "", record("A", "192.0.2.8")...)
	s.want(t, "anything.mine."+s.Zone, "A", "192.0.2.8")
	a.delete(t, "one", "*.mine."+s.Zone)
	s.want(t, "anything.mine."+s.Zone, "A")
}

// untouched is a zone in which nothing is to be changed.
func (s Subject) untouched(t *testing.T) {
	a, domain := s.agent(t), "same."+s.Zone
	records := append(record("A", "192.0.2.1"), record("AAAA", "2001:db8::1")...)
	a.set(t, "one", domain, "", records...)
	before := s.serial(t)
	slices.Reverse(records)
	a.set(t, "one", strings.ToUpper(domain)+".", "", records...)
	a.delete(t, "one", "never."+s.Zone)
	if after := s.serial(t); after != before && !s.NoSerial {
		t.Errorf("the serial went from %d to %d, though nothing was to be changed", before, after)
	}
	a.set(t, "one", domain, "", record("A", "192.0.2.2")...)
	s.want(t, domain, "AAAA")
	s.want(t, domain, "A", "192.0.2.2")
	if after := s.serial(t); after == before && !s.NoSerial {
		t.Errorf("the serial is still %d after a change", after)
	}
	a.delete(t, "one", domain)
}

// answered looks at what the server says, not at what the provider says it says.
func (s Subject) answered(t *testing.T) {
	a := s.agent(t)
	long := strings.Repeat("0123456789", 60)
	for _, tt := range []struct{ name, kind, value, answer string }{
		{"r-a", "A", "192.0.2.7", "192.0.2.7"},
		{"r-aaaa", "AAAA", "2001:0DB8:0::7", "2001:db8::7"},
		{"r-cname", "CNAME", "Target.Example.test.", "target.example.test"},
		{"r-txt", "TXT", `say "hi"; \ and`, `say "hi"; \ and`},
		{"r-quoted", "TXT", `"in" " two"`, "in two"},
		{"r-long", "TXT", long, long},
	} {
		domain := tt.name + "." + s.Zone
		a.set(t, "one", domain, "", dns.Record{Type: tt.kind, Value: tt.value, TTL: 7 * time.Minute})
		set, err := s.Server.Set(limit(t), domain, tt.kind)
		if err != nil || !slices.Equal(set.Values, []string{tt.answer}) || set.TTL != 420 {
			t.Errorf("%s: the server answers %q with a TTL of %d, %v", domain, set.Values, set.TTL, err)
		}
		a.delete(t, "one", domain)
		s.want(t, domain, tt.kind)
	}
}
