// Command wright-dns-powerdns is the DNS provider "powerdns": it changes the
// zones of a PowerDNS Authoritative Server through its HTTP API. Whose records
// are whose is the business of package rrset.
package main

import (
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/zones"
)

func main() {
	p := dns.Plugin("powerdns", "", &provider{})
	p.Doc = "Sets A, AAAA, CNAME and TXT records through the HTTP API of a PowerDNS Authoritative Server. " +
		"Each change is one request, which the server applies as a whole. " +
		"Beside the records of `shop.example.test` it keeps a TXT record of `_wright.shop.example.test` that says whose they are; " +
		"records that others made are never touched."
	p.Settings = settings()
	p.Config = plugins.Schema{}
	plugins.Serve(p)
}

func settings() plugins.Schema {
	return append(plugins.Schema{
		{Name: "endpoint", Required: true, Doc: "The URL of the API, without `/api/v1`.", Example: "http://127.0.0.1:8081"},
		{Name: "api-key", Required: true, Secret: true, Doc: "The API's key, or `file:/PATH` of a file that holds it.", Example: "file:/etc/wright/powerdns.key"},
		{Name: "server-id", Default: "localhost", Doc: "The server's name in the API."},
		{Name: "zones", Type: plugins.TypeList, Doc: "The zones that may be changed; without it, all that the server has.", Example: []any{"example.test"}},
		{Name: "nameservers", Type: plugins.TypeList, Example: []any{"ns1.example.test", "ns2.example.test"},
			Doc: "The name servers that must answer with what was set before a change is done; without it, those of the zone's NS records."},
	}, zones.Fields(time.Minute, 30*time.Second)...)
}
