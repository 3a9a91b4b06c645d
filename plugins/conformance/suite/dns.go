package suite

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/host"
)

const (
	dnsSetDoc    = "Set replaces all records of the domain that the installation in s.Tags owns, all or nothing; records of others stay as they are. No records at all is Delete."
	dnsListDoc   = "List gives every domain whose records carry all of tags."
	dnsDeleteDoc = "Delete deletes the records of the domain that the installation in tags owns. Deleting the missing is fine."
)

func dnsTrade() trade {
	return trade{
		noun: "domain", verb: "Set", list: "List", putDoc: dnsSetDoc, listDoc: dnsListDoc, dropDoc: dnsDeleteDoc,
		replaces: true, called: (*T).domain,
		at: func(t *T, h *host.Host) (maker, error) {
			p, err := h.DNS(t.call(), t.name)
			return dnsMaker{t, p}, err
		},
		on: func(t *T, c grpc.ClientConnInterface) maker { return dnsMaker{t, dns.NewClient(c)} },
	}
}

func dnsKind() kindChecks {
	tr := dnsTrade()
	check := func(name, doc, mend string, run func(*dnsBench)) Check {
		return Check{Name: name, Doc: doc, Mend: mend, run: func(t *T) { run(newDNSBench(t)) }}
	}
	return tr.kind(
		check("set, replace, delete", dnsSetDoc, "let the domain have exactly the records of the last Set: take the old ones away and put the new ones in place in one step", dnsLife),
		check("domains below are others", "Set and Delete concern this one domain, not those whose names end or begin alike.",
			"compare whole domains; no suffix, no pattern: \"*.\" is a label like any other", dnsBelow),
		check("one domain in any spelling", "Domains differing only in case or in a dot behind are the same.",
			"compare and write domains in one form: lower case, without the dot behind", dnsSpelling),
		check("other installations", "Records of other installations stay as they are, and a Set beside them works or is plugins.Exists.",
			"keep the installation (plugins.InstallationTag) with every record, and change only those whose installation is the call's", dnsOthers),
		check("another agent's names", "Records of others stay as they are: what the provider has not set is somebody else's, whatever it remembers of it.",
			"write the owner to the far side with the record (a TXT beside it, a comment, a tag), not into the provider's directory alone, and refuse with plugins.Exists what is there and not yours", dnsElsewhere),
		check("a person's names", "Others' things stay. A name that a person has set is plugins.Exists, too, or stays beside what is set.",
			"look what is there before you write, and refuse with plugins.Errorf(plugins.Exists, …) what has no mark of yours; delete only what has it", dnsPerson),
		check("what is set is there", "Set makes the far side answer with these records, and Delete ends that; it is not enough that List has them.",
			"write the records to the far side before Set returns, not your note of them alone, and take them away before Delete returns", dnsThere),
		check("an owner is needed", "Tags must hold plugins.InstallationTag.",
			"refuse a Set and a Delete without it: plugins.Invalidf(\"tags.\"+plugins.InstallationTag, …)", dnsOwnerless),
		check("all or nothing", dnsSetDoc, "check every record before you write the first", dnsAllOrNothing),
		check("record types", "A record type that a provider cannot serve is plugins.Unsupported; what it accepts it keeps as it is.",
			"keep the value of a record as it is, or refuse it with plugins.Invalid; refuse types you cannot serve with plugins.Unsupported", dnsTypes),
		check("a CNAME stands alone", "A domain with a CNAME has no other records; a Set that asks for both can never work.",
			"refuse it with plugins.Invalid before anything is written", dnsAlias),
		check("a CNAME is never gone while it is replaced", momentDoc, momentMend, aliasNeverGone),
		check("a wildcard", "A domain may begin with \"*.\": it is a name of its own. Who has no wildcards answers plugins.Unsupported.",
			"keep the *. as it is, or refuse it with plugins.Unsupported", dnsWildcard),
		check("times to live", "Record.TTL: 0 means the provider's default; whole seconds. A TTL that is listed is the one that was set, or 0 where the provider has none.",
			"keep the TTL of each record as it was given, and mind the unit: it is a time.Duration (in the protocol a google.protobuf.Duration); refuse with plugins.Invalid what you cannot serve, and never raise or cut it", dnsTTLs),
		check("a hundred records", fmt.Sprintf("A domain may have %d records.", dns.MaxRecords),
			"write and list them all, or refuse the Set with plugins.Quota or plugins.Invalid", dnsHundred),
		check("hostile values", "Hostile text is kept as it is or refused as invalid, and does nothing to anything else.",
			"check values by their type (netip.ParseAddr, dns.CheckDomain) and escape the others as the far side wants it", dnsHostileValues),
	)
}

// dnsMaker sees a DNS provider as all kinds are seen.
type dnsMaker struct {
	t *T
	p dns.Provider
}

func (m dnsMaker) put(ctx context.Context, name string, version int, tags map[string]string) (string, error) {
	records := versionRecords(version)
	return recordsText(records), m.p.Set(ctx, dns.Spec{Domain: name, Records: records, Tags: tags, Config: m.t.subject.Config})
}

func (m dnsMaker) all(ctx context.Context, tags map[string]string) ([]thing, error) {
	list, err := m.p.List(ctx, tags)
	things := make([]thing, 0, len(list))
	for _, e := range list {
		things = append(things, thing{e.Domain, recordsText(e.Records), e.Tags})
	}
	return things, err
}

func (m dnsMaker) drop(ctx context.Context, name string, tags map[string]string) error {
	return m.p.Delete(ctx, name, tags)
}

// versionRecords are two records that tell versions from each other.
func versionRecords(version int) []dns.Record {
	if version == largest {
		return manyRecords()
	}
	a, b := version/200%200, version%200
	return addresses(fmt.Sprintf("192.0.%d.%d", a, b), fmt.Sprintf("198.51.%d.%d", a, b))
}

func addresses(values ...string) []dns.Record {
	var records []dns.Record
	for _, v := range values {
		records = append(records, dns.Record{Type: "A", Value: v, TTL: 5 * time.Minute})
	}
	return records
}

// recordsText shows records in one form, whatever their order.
func recordsText(records []dns.Record) string {
	var all []string
	for _, r := range records {
		all = append(all, strings.ToUpper(r.Type)+" "+normalValue(r))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// normalValue is a value as it is compared: a zone file has several spellings of most.
func normalValue(r dns.Record) string {
	switch strings.ToUpper(r.Type) {
	case "A", "AAAA":
		if a, err := netip.ParseAddr(r.Value); err == nil {
			return a.String()
		}
	case "CNAME":
		return strings.ToLower(strings.TrimSuffix(r.Value, "."))
	case "TXT":
		if n := len(r.Value); n > 1 && r.Value[0] == '"' && r.Value[n-1] == '"' {
			return r.Value[1 : n-1]
		}
	}
	return r.Value
}

// domain gives a name of this check's own below the subject's domain.
func (t *T) domain(word string) string {
	return strings.ToLower(word) + "-" + t.id + "." + t.zone()
}

func (t *T) zone() string {
	if t.subject.Domain == "" {
		return "conformance.example.test"
	}
	return strings.TrimSuffix(strings.ToLower(t.subject.Domain), ".")
}

// dnsBench is a provider that runs.
type dnsBench struct {
	bench
	host *host.Host
	m    maker
	p    dns.Provider
}

func newDNSBench(t *T) *dnsBench {
	b := &dnsBench{bench: bench{t, dnsTrade()}}
	b.host, b.m = b.start()
	b.p = b.m.(patientMaker).maker.(dnsMaker).p
	return b
}

func (b *dnsBench) spec(domain string, records []dns.Record) dns.Spec {
	return dns.Spec{Domain: domain, Records: records, Tags: b.ownTags(), Config: b.subject.Config}
}

// set calls Set, which must work.
func (b *dnsBench) set(domain string, records ...dns.Record) {
	if err := b.p.Set(b.call(), b.spec(domain, records)); err != nil {
		b.Report(Finding{Did: fmt.Sprintf("Set %s to %s", domain, recordsText(records)), Got: answer(nil, err), Want: dnsSetDoc})
		b.stopNow()
	}
}

// has fails the check unless the domain has these records.
func (b *dnsBench) has(did, domain string, records ...dns.Record) {
	found, listed := b.mine(b.m)[domain]
	if listed && len(records) == 0 && found.what == "" {
		b.Report(Finding{Did: did + ", then List", Got: domain + " is listed without any record", Mend: "a domain without records is gone: forget it, tags and all"})
	}
	got := found.what
	if want := recordsText(records); got != want {
		b.Report(Finding{Did: did + ", then List", Got: fmt.Sprintf("%s has %q, it must have %q", domain, short(got), short(want))})
	}
}
