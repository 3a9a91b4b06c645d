package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

// zone is the provider of the kind dns.
type zone struct{ *base }

var _ dns.Provider = (*zone)(nil)

func (z *zone) entries() ledger[dns.Entry] { return ledger[dns.Entry]{z.base, "zone"} }

// key tells domains of different installations from each other.
func (z *zone) key(tags map[string]string, domain string) (string, error) {
	owner := tags[plugins.InstallationTag]
	if owner == "" && !z.bug("ownerless") {
		return "", plugins.Invalidf("tags."+plugins.InstallationTag, "is missing: nobody would own the records")
	}
	switch {
	case z.bug("owner ignored"):
		owner = ""
	case z.bug("owner without case"):
		owner = strings.ToLower(owner)
	case z.bug("owner cut"):
		owner = owner[:min(len(owner), 16)]
	}
	return owner + "\n" + domain, nil
}

func (z *zone) normal(domain string) string {
	if !z.bug("dot matters") {
		domain = strings.TrimSuffix(domain, ".")
	}
	if !z.bug("case matters") {
		domain = strings.ToLower(domain)
	}
	if z.bug("wildcard cut") {
		domain = strings.TrimPrefix(domain, "*.")
	}
	return domain
}

// Set implements dns.Provider.
func (z *zone) Set(ctx context.Context, s dns.Spec) error {
	domain := z.normal(s.Domain)
	key, err := z.key(s.Tags, domain)
	if err != nil {
		return err
	}
	if len(s.Records) == 0 {
		if z.bug("empty set ignored") {
			return nil
		}
		return z.Delete(ctx, s.Domain, s.Tags)
	}
	if err := z.personal(domain); err != nil {
		return err
	}
	e := dns.Entry{Domain: domain, Tags: z.tags(s.Tags)}
	err = z.take(&e, s.Records)
	for i := range e.Records {
		if z.bug("ttl of the first") {
			e.Records[i].TTL = e.Records[0].TTL
		}
	}
	if err != nil && (!z.bug("partly applied") || len(e.Records) == 0) {
		return err
	}
	if z.bug("removed first") || z.bug("alias removed first") && s.Records[0].Type == "CNAME" {
		if err := z.Delete(ctx, s.Domain, s.Tags); err != nil {
			return err
		}
	}
	if z.bug("owner afterwards") {
		if err := z.ownerless(ctx, e); err != nil {
			return err
		}
	}
	err2 := z.entries().change(z.slowly(ctx, len(e.Records)), func(all map[string]dns.Entry) error {
		delete(all, "\n"+domain)
		if z.bug("old kept") {
			e.Records = append(all[key].Records, e.Records...)
		}
		if z.bug("other refused as denied") {
			for k := range all {
				if k != key && strings.HasSuffix(k, "\n"+domain) {
					return plugins.Errorf(plugins.Denied, "another installation has %s", domain)
				}
			}
		}
		if z.bug("tags of the first") && slices.Equal(all[key].Records, e.Records) {
			e.Tags = all[key].Tags
		}
		all[key] = e
		return nil
	})
	if err != nil {
		return err
	}
	z.moved(domain)
	z.publish(domain, e.Records)
	return err2
}

// ownerless writes an entry that nobody owns, as if a person had done it.
func (z *zone) ownerless(ctx context.Context, e dns.Entry) error {
	e.Tags = nil
	return z.entries().change(ctx, func(all map[string]dns.Entry) error {
		if _, taken := all["\n"+e.Domain]; taken {
			return plugins.Errorf(plugins.Exists, "a person has %s", e.Domain)
		}
		all["\n"+e.Domain] = e
		return nil
	})
}

// take adds records to the entry as far as they are good.
func (z *zone) take(e *dns.Entry, records []dns.Record) error {
	for i, r := range records {
		r, err := z.record(fmt.Sprintf("records[%d]", i), r)
		if err != nil {
			return err
		}
		if len(records) > 1 && r.Type == "CNAME" && !z.bug("cname beside others") {
			return plugins.Invalidf(fmt.Sprintf("records[%d].type", i), "a CNAME stands alone")
		}
		same := func(o dns.Record) bool { return o.Value == r.Value }
		if r.Type == "TXT" && z.bug("type dropped") || i >= 10 && z.bug("ten records at most") || z.bug("by value") && slices.ContainsFunc(e.Records, same) {
			continue
		}
		e.Records = append(e.Records, r)
	}
	return nil
}

func (z *zone) record(field string, r dns.Record) (dns.Record, error) {
	switch r.Type {
	case "A", "AAAA":
		a, err := netip.ParseAddr(r.Value)
		if (err != nil || a.Is4() != (r.Type == "A") || a.Zone() != "") && !z.bug("any address") {
			if z.bug("bad without a code") {
				return r, fmt.Errorf("%.60q is no address", r.Value)
			}
			if z.bug("bad without a field") {
				return r, plugins.Errorf(plugins.Invalid, "%.60q is no address", r.Value)
			}
			if z.bug("fields counted from 1") {
				field = map[string]string{"records[0]": "records[1]", "records[1]": "records[2]", "records[2]": "records[3]"}[field]
			}
			return r, plugins.Invalidf(field+".value", "%.60q is no address of type %s", r.Value, r.Type)
		}
	case "CNAME":
		if err := dns.CheckDomain(r.Value); err != nil {
			return r, plugins.Invalidf(field+".value", "%w", err)
		}
	case "TXT":
		if z.bug("txt cut") && len(r.Value) > 255 {
			r.Value = r.Value[:255]
		}
		if z.bug("quotes trimmed") {
			r.Value = strings.Trim(r.Value, `"`)
		}
		if z.bug("txt unquoted") {
			r.Value = strings.ReplaceAll(r.Value, `"`, "")
		}
	default:
		if !z.bug("any type") {
			return r, plugins.Errorf(plugins.Unsupported, "%s: no records of type %.20q", field, r.Type)
		}
	}
	if z.bug("ttl in milliseconds") {
		r.TTL /= time.Millisecond
	}
	if z.bug("ttl fixed") {
		r.TTL = 30 * time.Second
	}
	return r, nil
}

// List implements dns.Provider.
func (z *zone) List(ctx context.Context, tags map[string]string) ([]dns.Entry, error) {
	if z.bug("pages by the last change") {
		return z.recent(ctx, tags)
	}
	all, err := z.entries().sorted(ctx)
	if err != nil {
		return nil, err
	}
	list := []dns.Entry{}
	for _, e := range all {
		if z.selects(e.Tags, tags) {
			list = append(list, e)
		}
	}
	return pages(z.base, list), nil
}

// Delete implements dns.Provider.
func (z *zone) Delete(ctx context.Context, domain string, tags map[string]string) error {
	key, err := z.key(tags, z.normal(domain))
	if err != nil {
		return err
	}
	z.publish(z.normal(domain), nil)
	gone := func(ctx context.Context) error {
		return z.entries().change(ctx, func(all map[string]dns.Entry) error {
			if _, ok := all[key]; !ok && z.bug("missing is an error") {
				return plugins.Errorf(plugins.NotFound, "there is no %s", domain)
			}
			if z.bug("delete takes all") {
				clear(all)
			}
			if !z.bug("delete wants all tags") || plugins.HasTags(all[key].Tags, tags) {
				delete(all, key)
			}
			return nil
		})
	}
	switch {
	case z.bug("delete later"):
		go func() {
			<-time.After(300 * time.Millisecond)
			_ = gone(context.WithoutCancel(ctx))
		}()
		return nil
	case z.bug("delete lies"):
		return nil
	}
	return gone(ctx)
}
