// Command wright-cloud-hcloud is the cloud provider "hcloud": a server is one of
// Hetzner Cloud's.
//
// All that the provider knows lies at the cloud, written with the very request
// that makes the server: the record in its labels, and a name that follows from
// the installation and the token. The cloud keeps names unique in a project, so
// the name is the idempotency token: a second request for the same server is
// refused, whoever sends it and whenever it arrives.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func main() {
	p := cloud.Plugin("hcloud", "", &front{})
	p.Doc = "Makes servers at Hetzner Cloud, with a firewall that is kept to the manifest's rules, user data and private networks. It returns when the server runs and answers at `wait-port`. " +
		"Of several `locations` the first that has room is taken. What is deleted is gone when the API says so, with its primary IPs and, after the last server that used it, its firewall. " +
		"It is tested against a server that keeps to Hetzner's published API, not against Hetzner."
	p.Settings, p.Config = settingsSchema(), optionsSchema()
	plugins.Serve(p)
}
