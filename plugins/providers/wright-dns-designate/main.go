// Command wright-dns-designate is the DNS provider "designate": it changes the
// zones of OpenStack's DNS service. Whose records are whose is the business of
// package rrset.
package main

import (
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
	"github.com/wright-build/wright/plugins/dns/zones"
)

func main() {
	p := dns.Plugin("designate", "", &provider{})
	p.Doc = "Sets A, AAAA, CNAME and TXT records through Designate, OpenStack's DNS service. " +
		"Beside the records of `shop.example.test` it keeps a TXT record of `_wright.shop.example.test` that says whose they are; " +
		"records that others made are never touched. " +
		"Designate takes one record set at a time: one that stays is changed in its place, and an interrupted change is found by its mark and completed or taken away."
	p.Settings = settings()
	p.Config = plugins.Schema{}
	plugins.Serve(p)
}

func settings() plugins.Schema {
	return append(plugins.Schema{
		{Name: "clouds-file", Doc: "The path of a clouds.yaml; a secure.yaml beside it is read, too.", Example: "/etc/wright/clouds.yaml"},
		{Name: "cloud", Doc: "The name of the cloud in it. The other settings override what it says.", Example: "production"},
		{Name: "auth-url", Doc: "Where Keystone is.", Example: "https://keystone.example.test/v3"},
		{Name: "region", Doc: "The region.", Example: "RegionOne"},
		{Name: "interface", Doc: "Which of the catalog's addresses is used.", OneOf: []string{"public", "internal", "admin"}},
		{Name: "ca-file", Doc: "The path of the certificates that the cloud's are signed with, in PEM; else those of the system."},
		{Name: "endpoint", Doc: "The URL of Designate, without `/v2`, instead of the catalog's.", Example: "https://dns.example.test"},
		{Name: "application-credential-id", Doc: "The ID of an application credential: the best way to log in."},
		{Name: "application-credential-secret", Secret: true, Doc: "Its secret, or `file:/PATH` of a file that holds it.", Example: "file:/etc/wright/openstack.secret"},
		{Name: "username", Doc: "The name of the user."},
		{Name: "user-domain", Doc: "The name of the user's domain.", Default: "Default"},
		{Name: "password", Secret: true, Doc: "The user's password, or `file:/PATH` of a file that holds it."},
		{Name: "project", Doc: "The name of the project."},
		{Name: "project-domain", Doc: "The name of the project's domain.", Default: "Default"},
		{Name: "zones", Type: plugins.TypeList, Doc: "The zones that may be changed; without it, all of the project.", Example: []any{"example.test"}},
		{Name: "nameservers", Type: plugins.TypeList, Example: []any{"ns1.example.test", "ns2.example.test"},
			Doc: "The name servers that must answer with what was set before a change is done; without it, those that Designate names for the zone."},
	}, zones.Fields(time.Minute, time.Minute)...)
}
