// Command wright-dns-rfc2136 is the DNS provider "rfc2136": it changes the zones
// of any name server that takes updates signed with a TSIG key, such as BIND 9
// and Knot DNS. Whose records are whose is the business of package rrset.
package main

import (
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/zones"
)

func main() {
	p := dns.Plugin("rfc2136", "", &provider{})
	p.Doc = "Sets A, AAAA, CNAME and TXT records by dynamic updates (RFC 2136) signed with a TSIG key, as BIND 9, Knot DNS and others take them. " +
		"Each change is one message that the server applies as a whole, and only if nobody else was faster. " +
		"Beside the records of `shop.example.test` it keeps a TXT record of `_wright.shop.example.test` that says whose they are; " +
		"records that others made are never touched. The key must be allowed to update the zones and to transfer them (AXFR)."
	p.Settings = settings()
	p.Config = plugins.Schema{}
	plugins.Serve(p)
}

func settings() plugins.Schema {
	return append(plugins.Schema{{
		Name: "zones", Type: plugins.TypeList, Element: plugins.TypeTable, Required: true, Min: plugins.Bound(1), Fields: zoneFields(),
		Doc: "The zones that may be changed. A domain belongs to the zone with the longest name that it ends in.",
	}}, zones.Fields(time.Minute, 30*time.Second)...)
}

func zoneFields() plugins.Schema {
	return plugins.Schema{
		{Name: "zone", Required: true, Doc: "The name of the zone.", Example: "example.test"},
		{Name: "server", Required: true, Doc: "The primary name server of the zone, with a port unless it is 53.", Example: "ns1.example.test"},
		{Name: "key-name", Doc: "The name of the TSIG key; without it nothing is signed.", Example: "wright"},
		{Name: "key-algorithm", OneOf: []string{"hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"}, Default: "hmac-sha256", Doc: "The algorithm of the TSIG key."},
		{Name: "key-secret", Secret: true, Doc: "The TSIG key in base64, or `file:/PATH` of a file that holds it.", Example: "file:/etc/wright/tsig.key"},
		{Name: "verify", Type: plugins.TypeList, Example: []any{"ns2.example.test"},
			Doc: "Further name servers that must answer with what was set before a change is done, such as secondaries."},
	}
}
