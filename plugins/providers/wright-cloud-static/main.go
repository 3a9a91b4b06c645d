// Command wright-cloud-static is the cloud provider "static": a server is a host
// of an inventory, leased to one AppServer at a time. Who has it stands in a file
// on the host itself, so that every agent sees it; the provider keeps nothing of
// its own. It neither installs a host nor starts it.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func main() {
	p := cloud.Plugin("static", "", &provider{})
	p.Doc = "Leases the hosts of an inventory, over SSH, to one AppServer at a time. Who has a host stands in a file on it, so that all agents agree. " +
		"A host needs a POSIX shell and `flock` (util-linux or BusyBox)."
	p.Settings = plugins.Schema{
		{Name: "hosts", Type: plugins.TypeList, Element: plugins.TypeTable, Required: true, Doc: "The inventory.", Fields: plugins.Schema{
			{Name: "address", Doc: "Host name or IP address.", Required: true, Example: "192.0.2.10"},
			{Name: "port", Type: plugins.TypeInteger, Doc: "Of the SSH server.", Default: 22, Min: plugins.Bound(1), Max: plugins.Bound(65535)},
			{Name: "user", Doc: "Who logs in, here and for provisioning ($WRIGHT_APPSERVER_USER).", Default: "root"},
			{Name: "flavor", Doc: "What an AppServer asks for to get such a host; without it, any may have it that asks for nothing.", Example: "large"},
			{Name: "directory", Doc: "Absolute path of the directory on the host for the lease and the environment.", Default: "/var/lib/wright"},
			{Name: "host-key", Doc: "The host's public key, as in known_hosts: type and key.", Example: "ssh-ed25519 AAAA…"},
		}},
		{Name: "private-key", Doc: "The key that logs in, in OpenSSH's format, or file:/PATH of a file that holds it.", Required: true, Secret: true, Example: "file:/etc/wright/static.key"},
		{Name: "known-hosts", Doc: "Absolute path of a known_hosts file, for hosts without host-key.", Example: "/etc/wright/known_hosts"},
		{Name: "clean", Doc: "A shell command that makes a host as good as new, run on it when its AppServer goes. It may be run again.", Example: "systemctl stop app; rm -rf /srv/app"},
	}
	p.Config = plugins.Schema{
		{Name: "port", Type: plugins.TypeInteger, Doc: "The port that the AppServer will listen at; 0: unknown.", Default: 0, Min: plugins.Bound(0), Max: plugins.Bound(65535)},
		{Name: "clean", Doc: "A shell command that is run on the host when the AppServer goes, before that of the settings. It may be run again.", Example: "rm -rf /srv/shop"},
	}
	plugins.Serve(p)
}
