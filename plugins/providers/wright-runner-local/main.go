// Command wright-runner-local is the runner "local": steps run as they are, as
// processes of the agent's host and user. It isolates nothing. What it adds to
// no runner at all is that deleting the sandbox ends every process that a step
// left, even one that has left its group, its session and its parent: each
// carries the sandbox's mark in its environment, from which it is found.
//
//	STATE/sandboxes/TOKEN-HASH.json   what was made
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/runner"
)

func main() {
	p := runner.Plugin("local", "", &provider{})
	p.Doc = "Runs steps as they are: as processes of the agent's host and user, in the workspace itself. " +
		"It isolates nothing; when a build is over it ends every process that a step left behind, daemons included. " +
		"A process that replaced its whole environment before this cannot be found. Containers and other hosts take another runner."
	p.Settings, p.Config = plugins.Schema{}, plugins.Schema{}
	plugins.Serve(p)
}
