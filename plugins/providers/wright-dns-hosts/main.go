// Command wright-dns-hosts is the DNS provider "hosts": it keeps records in a
// file of the format of /etc/hosts. Only lines that end with its own comment are
// its own; every other line is kept as it stands, byte for byte.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

func main() {
	p := dns.Plugin("hosts", "", &provider{})
	p.Doc = "Keeps A and AAAA records in a file of the format of /etc/hosts. Only lines that end with its own comment are its own. " +
		"Such a file has no wildcards, and no TTLs."
	p.Capabilities = append(p.Capabilities, plugins.ThisHost)
	p.Settings = plugins.Schema{{
		Name: "file", Doc: "Absolute path of the file; without it, hosts in the provider's own directory.", Example: "/etc/hosts",
	}}
	p.Config = plugins.Schema{}
	plugins.Serve(p)
}
