// Command wright-cloud-openstack is the cloud provider "openstack": a server is
// one of nova's, with a port of neutron's and, if asked for, a floating IP.
//
// All that the provider knows lies at the cloud, written with the very requests
// that make things, so that any agent can go on where another died. Nova has no
// idempotency token; the server's port stands in for it. It is made first, under
// a name that follows from the installation and the token. A request for a
// server names it, so a late one, of a call that is given up or a process that is
// dead, fails once the port is deleted. claim.go says more.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func main() {
	p := cloud.Plugin("openstack", "", &front{})
	p.Doc = "Makes servers in an OpenStack cloud: with a port in each of the networks that the manifest names, a security group that is kept to the manifest's rules, " +
		"user data and, if asked for, a floating IP and a volume to boot from. It returns when the server is active and answers at `wait-port`; one that nova puts into the " +
		"state ERROR fails at once, with nova's reason and the end of the console. What is deleted is gone when the API says so, with its ports, floating IPs and volumes.\n\n" +
		"It needs Keystone v3, Glance v2, Neutron, and a Nova with microversion 2.52 (Pike, 2017)."
	p.Settings, p.Config = settingsSchema(), optionsSchema()
	plugins.Serve(p)
}
