// Command wright-dns-hosts is the DNS provider "hosts": it keeps records in a
// file of the format of /etc/hosts. Only lines that end with its own comment are
// its own; every other line is kept as it stands, byte for byte.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

func main() {
	plugins.Serve(dns.Plugin("hosts", "", &provider{}))
}
