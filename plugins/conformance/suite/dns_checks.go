package suite

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

func dnsLife(b *dnsBench) {
	name, beside := b.domain("life"), b.domain("beside")
	b.set(beside, addresses("192.0.2.77")...)
	b.set(name, addresses("192.0.2.1")...)
	b.has("Set one address", name, addresses("192.0.2.1")...)
	b.set(name, addresses("192.0.2.1")...)
	b.has("Set the same address twice", name, addresses("192.0.2.1")...)
	b.set(name, addresses("192.0.2.2", "192.0.2.3")...)
	b.has("Set one address, then two others", name, addresses("192.0.2.2", "192.0.2.3")...)
	b.set(name, addresses("192.0.2.3", "192.0.2.2")...)
	b.has("Set the same two addresses in another order", name, addresses("192.0.2.2", "192.0.2.3")...)
	b.set(name, addresses("192.0.2.3")...)
	b.has("Set two addresses, then one of them", name, addresses("192.0.2.3")...)
	six := dns.Record{Type: "AAAA", Value: "2001:db8::1", TTL: 5 * time.Minute}
	if err := b.p.Set(b.call(), b.spec(name, []dns.Record{six})); err == nil {
		b.has("Set a domain that has an A to an AAAA alone", name, six)
		b.set(name, addresses("192.0.2.3")...)
		b.has("Set a domain that has an AAAA to an A alone", name, addresses("192.0.2.3")...)
	} else {
		b.refusal("Set a domain to an AAAA", err)
	}
	b.set(name)
	b.has("Set a domain that has an address to no records at all", name)
	b.set(name)
	b.set(name, addresses("192.0.2.5")...)
	b.has("Set a domain again after its records were deleted", name, addresses("192.0.2.5")...)
	b.drop(b.m, name, b.ownTags())
	b.has("Delete a domain", name)
	b.has("Set and Delete another domain", beside, addresses("192.0.2.77")...)
}

func dnsBelow(b *dnsBench) {
	name := b.domain("apex")
	others := []string{"www." + name, "a.b." + name, "not" + name}
	for _, o := range others {
		b.set(o, addresses("192.0.2.9")...)
	}
	untouched := func(did string) {
		for _, o := range others {
			b.has(did, o, addresses("192.0.2.9")...)
		}
	}
	for _, d := range []string{name, "*." + name} {
		if err := b.p.Set(b.call(), b.spec(d, addresses("192.0.2.1"))); err != nil {
			b.refusal("Set "+d, err)
			continue
		}
		untouched("Set " + d)
		b.drop(b.m, d, b.ownTags())
		untouched("Set and Delete " + d)
	}
}

func dnsSpelling(b *dnsBench) {
	name := b.domain("spelling")
	b.set(name, addresses("192.0.2.1")...)
	for i, spelling := range []string{strings.ToUpper(name), name + ".", strings.ToUpper(name[:3]) + name[3:] + "."} {
		value := addresses(fmt.Sprintf("192.0.2.%d", 10+i))
		b.set(spelling, value...)
		found := b.mine(b.m)
		if len(found) != 1 || found[name].what != recordsText(value) {
			b.Report(Finding{
				Did:  fmt.Sprintf("Set %s, then Set %s to another address, then List", name, spelling),
				Got:  fmt.Sprintf("%d domains %q; there must be one, %s, with the new address", len(found), sortedKeys(found), name),
				Mend: "compare and write domains in one form: lower case, without the dot behind; List gives them in this form",
			})
		}
	}
	b.drop(b.m, strings.ToUpper(name)+".", b.ownTags())
	b.has(fmt.Sprintf("Set %s, then Delete %s.", name, strings.ToUpper(name)), name)
}

func dnsOthers(b *dnsBench) {
	name := b.domain("shared")
	b.set(name, addresses("192.0.2.1")...)
	for _, other := range b.others() {
		b.beside(name, other)
	}
}

// beside has another installation set and delete a domain that this one has.
func (b *dnsBench) beside(name string, other map[string]string) {
	who := fmt.Sprintf("for the installation %q (its own is %q)", other[plugins.InstallationTag], b.installation())
	spec := b.spec(name, addresses("192.0.2.2"))
	spec.Tags = other
	err := b.p.Set(b.call(), spec)
	if err != nil && plugins.CodeOf(err) != plugins.Exists {
		b.Report(Finding{
			Did: "Set a domain that another installation has, " + who, Got: answer(nil, err),
			Mend: "keep both side by side, or answer plugins.Errorf(plugins.Exists, …), so that the caller knows whose fault it is",
		})
	}
	b.has("Set a domain, then Set it "+who, name, addresses("192.0.2.1")...)
	if got, want := b.all(b.m, other)[name].what, recordsText(spec.Records); err == nil && got != want {
		b.Report(Finding{Did: "Set a domain that another installation has too (no error), then List the other's", Got: fmt.Sprintf("%q, it must be %q", got, want)})
	}
	b.drop(b.m, name, other)
	b.has("Set a domain, then Delete it "+who, name, addresses("192.0.2.1")...)
	b.want(b.m, other, "Delete a domain "+who, "", nil...)
	b.drop(b.m, b.domain("nobodys"), other)
	b.has("Delete what it does not have "+who, name, addresses("192.0.2.1")...)
}

func dnsOwnerless(b *dnsBench) {
	name := b.domain("owner")
	b.set(name, addresses("192.0.2.1")...)
	spec := b.spec(name, addresses("192.0.2.3"))
	spec.Tags = map[string]string{"color": "red"}
	if err := b.p.Set(b.call(), spec); plugins.CodeOf(err) != plugins.Invalid {
		b.Report(Finding{Did: "Set a domain without " + plugins.InstallationTag + " among the tags", Got: answer("no error", err)})
	}
	if err := b.p.Delete(b.call(), name, nil); plugins.CodeOf(err) != plugins.Invalid {
		b.Report(Finding{Did: "Delete a domain without " + plugins.InstallationTag + " among the tags", Got: answer("no error", err)})
	}
	b.has("Set and Delete it without an owner", name, addresses("192.0.2.1")...)
	_ = b.p.Delete(b.call(), name, spec.Tags) // what no sweep finds
}

func dnsAllOrNothing(b *dnsBench) {
	bad := map[string]dns.Record{
		"an address that is none":       {Type: "A", Value: "no address"},
		"an IPv6 address of type A":     {Type: "A", Value: "2001:db8::1"},
		"an IPv4 address of type AAAA":  {Type: "AAAA", Value: "192.0.2.9"},
		"an address with a zone":        {Type: "AAAA", Value: "fe80::1%eth0"},
		"two addresses in one value":    {Type: "A", Value: "192.0.2.8 192.0.2.9"},
		"a type that there is not":      {Type: "NO-SUCH-TYPE", Value: "192.0.2.9"},
		"a line of a file in the value": {Type: "A", Value: "192.0.2.9\t bank.example.test #"},
	}
	name, fresh := b.domain("whole"), b.domain("fresh")
	b.set(name, addresses("192.0.2.1")...)
	for _, what := range sortedKeys(bad) {
		for at := range 3 {
			records := slices.Insert(addresses("192.0.2.2", "192.0.2.3"), at, bad[what])
			for _, domain := range []string{name, fresh} {
				err := b.p.Set(b.call(), b.spec(domain, records))
				did := fmt.Sprintf("Set two good addresses and %s (%s)", what, recordsText(records))
				b.namesField(did, fmt.Sprintf("records[%d]", at), err)
				if !refused(err) {
					b.Report(Finding{
						Did: did, Got: answer("no error", err),
						Mend: "check every value by its type and refuse with plugins.Invalidf(\"records[N].value\", …), or plugins.Unsupported for a type",
					})
				}
			}
			b.has("Set a domain, then Set it to two good records and "+what, name, addresses("192.0.2.1")...)
			b.has("Set a new domain to two good records and "+what, fresh)
		}
		if b.Failed() {
			return
		}
	}
}

func dnsTypes(b *dnsBench) {
	long := strings.Repeat("0123456789", 90)
	for i, records := range [][]dns.Record{
		{{Type: "A", Value: "192.0.2.1"}},
		{{Type: "AAAA", Value: "2001:db8::1"}},
		{{Type: "AAAA", Value: "2001:0DB8:0000:0000:0000:0000:0000:00AB"}},
		{{Type: "CNAME", Value: "target.example.test"}},
		{{Type: "CNAME", Value: "target.example.test."}},
		{{Type: "TXT", Value: "v=spf1 -all"}},
		{{Type: "TXT", Value: `say "hello"; \ and so on`}},
		{{Type: "TXT", Value: `he said "no"`}},
		{{Type: "TXT", Value: "ünïcödé"}},
		{{Type: "TXT", Value: long}},
		{{Type: "TXT", Value: "192.0.2.1"}, {Type: "A", Value: "192.0.2.1"}, {Type: "TXT", Value: "2001:db8::1"}},
		{{Type: "MX", Value: "10 mail.example.test."}},
		{{Type: "SRV", Value: "0 5 5060 sip.example.test."}},
		{{Type: "CAA", Value: `0 issue "ca.example.test"`}},
	} {
		name := b.domain(fmt.Sprintf("type%d", i))
		for k := range records {
			records[k].TTL = 5 * time.Minute
		}
		did := fmt.Sprintf("Set %s to %s", name, recordsText(records))
		err := b.p.Set(b.call(), b.spec(name, records))
		switch code := plugins.CodeOf(err); {
		case err == nil:
			b.has(did, name, records...)
		case code == plugins.Unsupported, code == plugins.Invalid && records[0].Type == "TXT":
			b.has(did+" (refused)", name)
		default:
			b.Report(Finding{Did: did, Got: answer(nil, err)})
		}
	}
}

func dnsAlias(b *dnsBench) {
	alias := dns.Record{Type: "CNAME", Value: "target.example.test", TTL: 5 * time.Minute}
	name := b.domain("alias")
	b.set(name, addresses("192.0.2.1")...)
	for _, records := range [][]dns.Record{
		append(addresses("192.0.2.2"), alias),
		{alias, {Type: "CNAME", Value: "other.example.test", TTL: 5 * time.Minute}},
		append([]dns.Record{alias}, addresses("192.0.2.2")...),
	} {
		did := "Set a domain to " + recordsText(records)
		if err := b.p.Set(b.call(), b.spec(name, records)); !refused(err) {
			b.Report(Finding{Did: did, Got: answer("no error", err)})
		}
		b.has(did, name, addresses("192.0.2.1")...)
	}
	if err := b.p.Set(b.call(), b.spec(name, []dns.Record{alias})); err == nil {
		b.has("Set a domain that has addresses to a CNAME", name, alias)
		b.set(name, addresses("192.0.2.3")...)
		b.has("Set a domain that has a CNAME to addresses", name, addresses("192.0.2.3")...)
	}
}

func dnsWildcard(b *dnsBench) {
	name := b.domain("wild")
	b.set(name, addresses("192.0.2.1")...)
	err := b.p.Set(b.call(), b.spec("*."+name, addresses("192.0.2.2")))
	switch {
	case err == nil:
		b.has("Set *."+name, "*."+name, addresses("192.0.2.2")...)
		b.drop(b.m, "*."+name, b.ownTags())
		b.has("Set and Delete *."+name, "*."+name)
	case plugins.CodeOf(err) != plugins.Unsupported:
		b.Report(Finding{Did: "Set *." + name, Got: answer(nil, err)})
	}
	b.has(fmt.Sprintf("Set %s, then Set *.%[1]s to another address", name), name, addresses("192.0.2.1")...)
}

func dnsTTLs(b *dnsBench) {
	ttls := []time.Duration{time.Second, time.Minute, 90 * time.Second, 5 * time.Minute, time.Hour, 24 * time.Hour, 100_001 * time.Second}
	name := b.domain("ttl")
	for _, ttl := range ttls {
		r := dns.Record{Type: "A", Value: "192.0.2.1", TTL: ttl}
		if err := b.p.Set(b.call(), b.spec(name, []dns.Record{r})); err != nil {
			b.refusal(fmt.Sprintf("Set a record with a TTL of %v", ttl), err)
			continue
		}
		list, err := b.p.List(b.call(), b.ownTags())
		if err != nil || len(list) != 1 || len(list[0].Records) != 1 {
			b.Report(Finding{Did: fmt.Sprintf("Set a record with a TTL of %v, then List", ttl), Got: answer(list, err), Want: dnsListDoc})
			return
		}
		if got := list[0].Records[0].TTL; got != ttl && got != 0 {
			b.Report(Finding{Did: fmt.Sprintf("Set a record with a TTL of %v, then List", ttl), Got: fmt.Sprintf("a TTL of %v", got)})
		}
	}
	b.ttlsOfTypes(name)
	b.set(name, dns.Record{Type: "A", Value: "192.0.2.2"})
	b.has("Set a record with a TTL of 0, the provider's default", name, addresses("192.0.2.2")...)
}

// ttlsOfTypes sets records of several types, each with a TTL of its own.
func (b *dnsBench) ttlsOfTypes(name string) {
	ttls := map[string]time.Duration{"A": time.Minute, "AAAA": time.Hour, "TXT": 2 * time.Hour}
	records := []dns.Record{{Type: "A", Value: "192.0.2.1"}, {Type: "AAAA", Value: "2001:db8::1"}, {Type: "TXT", Value: "of its own"}}
	for i := range records {
		records[i].TTL = ttls[records[i].Type]
	}
	did := fmt.Sprintf("Set records of several types with the TTLs %v", ttls)
	if err := b.p.Set(b.call(), b.spec(name, records)); err != nil {
		b.refusal(did, err)
		return
	}
	list, err := b.p.List(b.call(), b.ownTags())
	if err != nil || len(list) != 1 || len(list[0].Records) != len(records) {
		b.Report(Finding{Did: did + ", then List", Got: answer(list, err), Want: dnsSetDoc, Mend: "keep every record of a Set, or refuse the Set; leave none out"})
		return
	}
	for _, r := range list[0].Records {
		if r.TTL != ttls[r.Type] && r.TTL != 0 {
			b.Report(Finding{Did: did + ", then List", Got: fmt.Sprintf("the %s has a TTL of %v", r.Type, r.TTL), Mend: "keep a TTL for each record: records of other types have others"})
		}
	}
}

func manyRecords() []dns.Record {
	var values []string
	for i := range dns.MaxRecords {
		values = append(values, fmt.Sprintf("192.0.2.%d", i))
	}
	return addresses(values...)
}

func dnsHundred(b *dnsBench) {
	records := manyRecords()
	name := b.domain("hundred")
	b.set(name, addresses("198.51.100.1")...)
	did := fmt.Sprintf("Set a domain to %d records", len(records))
	err := b.p.Set(b.call(), b.spec(name, records))
	switch code := plugins.CodeOf(err); {
	case err == nil:
		b.has(did, name, records...)
		b.set(name, addresses("198.51.100.2")...)
		b.has(did+", then to one", name, addresses("198.51.100.2")...)
	case code == plugins.Quota || code == plugins.Invalid:
		b.has(did+" (refused)", name, addresses("198.51.100.1")...)
	default:
		b.Report(Finding{Did: did, Got: answer(nil, err)})
	}
}

func dnsHostileValues(b *dnsBench) {
	good := b.domain("good")
	b.set(good, addresses("192.0.2.1")...)
	for i, text := range hostile() {
		name := b.domain(fmt.Sprintf("value%d", i))
		for _, kind := range []string{"A", "CNAME", "TXT", text} {
			r := dns.Record{Type: kind, Value: text, TTL: 5 * time.Minute}
			did := fmt.Sprintf("Set a domain to a record of type %.40q with the value %.60q", kind, text)
			err := b.p.Set(b.call(), b.spec(name, []dns.Record{r}))
			switch {
			case err != nil:
				b.refusal(did, err)
			case kind == "A":
				b.Report(Finding{Did: did, Got: "no error, though that is no address"})
			default:
				b.has(did, name, r)
				b.drop(b.m, name, b.ownTags())
			}
		}
	}
	b.want(b.m, b.ownTags(), "use many hostile values", "", good)
	b.has("use many hostile values with other domains", good, addresses("192.0.2.1")...)
	b.onlyState()
}
