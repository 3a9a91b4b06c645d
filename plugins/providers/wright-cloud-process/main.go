// Command wright-cloud-process is the cloud provider "process": a server is a
// supervised process tree in its own directory on its own loopback address
// 127.x.y.z. It serves development, tests and single machines.
//
// The binary plays two parts. Launched by a host it is the provider. Re-executed
// as "--machine DIR" it is one server: a small daemon, free of the provider and
// of the agent, that runs the executable file named run in the server's
// directory as soon as provisioning has put it there, and runs it again when it
// ends. What a server is lies in files; the provider keeps nothing in memory, so
// that it may die at any point and be started again.
package main

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

func main() {
	// Files that the agent happened to inherit must not end up in the servers,
	// where they would keep somebody's pipe open for days.
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if dir, daemon := onhost.Dir(os.Args); daemon {
		if err := runMachine(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	p := cloud.Plugin("process", "", &provider{})
	p.Doc = "Makes servers that are process trees of the agent's own machine, each with a directory and a loopback address of its own. " +
		"As soon as an executable file named `run` is in the directory it is run, and again when it exits. For development, tests and single machines."
	p.Capabilities = append(p.Capabilities, plugins.ThisHost)
	p.Settings = plugins.Schema{}
	p.Config = plugins.Schema{
		{Name: "port", Type: plugins.TypeInteger, Doc: "The port that `run` is to listen at.", Default: 8080, Min: plugins.Bound(1), Max: plugins.Bound(65535)},
		{Name: "stop-timeout", Type: plugins.TypeDuration, Doc: "The time between SIGTERM and SIGKILL, up to 5m.", Default: "3s"},
	}
	plugins.Serve(p)
}
