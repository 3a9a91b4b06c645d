// Command wright-dns-gandi is the DNS provider "gandi": it changes domains at
// Gandi through LiveDNS v5. Whose records are whose is the business of package
// rrset.
package main

import (
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/zones"
)

func main() {
	p := dns.Plugin("gandi", "", &provider{})
	p.Doc = "Sets A, AAAA, CNAME and TXT records of domains at Gandi, through LiveDNS v5. " +
		"Beside the records of `shop.example.test` it keeps a TXT record of `_wright.shop.example.test` that says whose they are; " +
		"records that others made are never touched. LiveDNS takes no TTL below 300 seconds, and changes one name at a time: " +
		"an interrupted change is found by its mark and completed or taken away. " +
		"It is tested against a server that keeps to Gandi's published API, not against Gandi."
	p.Settings = settings()
	p.Config = plugins.Schema{}
	plugins.Serve(p)
}

func settings() plugins.Schema {
	return append(plugins.Schema{
		{Name: "token", Required: true, Secret: true, Doc: "A personal access token, or `file:/PATH` of a file that holds it.", Example: "file:/etc/wright/gandi.token"},
		{Name: "endpoint", Default: "https://api.gandi.net", Doc: "The URL of the API, without `/v5`."},
		{Name: "zones", Type: plugins.TypeList, Doc: "The domains that may be changed; without it, all that the token sees.", Example: []any{"example.test"}},
		{Name: "nameservers", Type: plugins.TypeList, Example: []any{"ns1.example.test"},
			Doc: "The name servers that must answer with what was set before a change is done; without it, those that Gandi names for the domain."},
	}, zones.Fields(minTTL, 2*time.Minute)...)
}

// minTTL is the least that LiveDNS takes.
const minTTL = 300 * time.Second
