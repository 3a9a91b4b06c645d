// Package dns is the plugin kind that makes names lead to servers: its
// interface, its types and both ends of its wire. It knows nothing of any
// provider and of what a name stands for.
package dns

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
)

// Provider sets names. It is called concurrently. Errors carry the codes of
// package plugins; a record type it cannot serve is plugins.Unsupported. Tags
// must hold plugins.InstallationTag. Domains differing only in case or in a dot
// behind are the same.
type Provider interface {
	// Set replaces all records of the domain that the installation in s.Tags
	// owns, all or nothing; records of others stay as they are. No records at
	// all is Delete.
	Set(ctx context.Context, s Spec) error
	// List gives every domain whose records carry all of tags.
	List(ctx context.Context, tags map[string]string) ([]Entry, error)
	// Delete deletes the records of the domain that the installation in tags
	// owns. Deleting the missing is fine.
	Delete(ctx context.Context, domain string, tags map[string]string) error
}

// Spec says which records a domain is to have.
type Spec struct {
	Domain  string
	Records []Record
	Tags    map[string]string // at least plugins.InstallationTag
	Config  map[string]any    // the provider's own table of the manifest
}

// Record is one record of a domain. The value of a CNAME is a whole name, with or
// without a dot behind. That of a TXT is the text itself; one that begins with a
// quote is strings as in a zone file. Package rrset reads and writes both forms.
type Record struct {
	Type  string        // "A", "AAAA", "CNAME", …
	Value string        // an address, a name, or a text; see below
	TTL   time.Duration // 0 means the provider's default; whole seconds
}

// Entry is a domain with the records that Set gave it.
type Entry struct {
	Domain  string
	Records []Record
	Tags    map[string]string // at least plugins.InstallationTag
}

// MaxRecords is the number of records that one domain may have.
const MaxRecords = 100

// maxTTL is DNS's own.
const maxTTL = (1<<31 - 1) * time.Second

// CheckDomain refuses what is no domain name: labels of letters, digits, '-'
// and '_' with dots between them, an optional "*." before and dot behind, at
// most 253 bytes.
func CheckDomain(domain string) error {
	name := strings.TrimPrefix(strings.TrimSuffix(domain, "."), "*.")
	if name == "" || len(domain) > 253 {
		return plugins.Invalidf("domain", "%.60q is empty or too long", domain)
	}
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return plugins.Invalidf("domain", "%.60q: %.60q is no label of a domain name", domain, label)
		}
	}
	return nil
}

func isLabel(s string) bool {
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

func check(domain string, records []Record, tags map[string]string) error {
	if err := CheckDomain(domain); err != nil {
		return err
	}
	if len(records) > MaxRecords {
		return plugins.Invalidf("records", "%d are too many, at most %d", len(records), MaxRecords)
	}
	for i, r := range records {
		field := fmt.Sprintf("records[%d].", i)
		if err := plugins.CheckToken(field+"type", r.Type); err != nil {
			return err
		}
		if err := plugins.CheckToken(field+"value", r.Value); err != nil {
			return err
		}
		if r.TTL < 0 || r.TTL > maxTTL || r.TTL%time.Second != 0 {
			return plugins.Invalidf(field+"ttl", "%v is negative, longer than 68 years or not of whole seconds", r.TTL)
		}
	}
	return plugins.CheckTags(tags)
}
