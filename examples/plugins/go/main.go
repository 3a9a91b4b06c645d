// Command wright-cloud-rack is the cloud provider "rack" of Wright: an example of
// what a third party ships, in a module of its own. It makes servers with the
// HTTP API of package rack.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func main() { plugins.Serve(plugin()) }

func plugin() plugins.Plugin {
	p := cloud.Plugin("rack", "1.0.0", &provider{})
	p.Doc = "Servers of a rack. Flavors are `small` and `large`, images `debian-12` and `debian-13`."
	p.Settings, p.Config = settings(), config()
	return p
}
