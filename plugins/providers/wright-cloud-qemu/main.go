// Command wright-cloud-qemu is the cloud provider "qemu": a server is a virtual
// machine under QEMU on the agent's own host, with a loopback address 127.x.y.z
// of its own that leads to its ports.
//
// The binary plays two parts. Launched by a host it is the provider. Re-executed
// as "--machine DIR" it is one server: a small daemon, free of the provider and
// of the agent, that runs QEMU and runs it again when it ends. What a server is
// lies in files; the provider keeps nothing in memory, so that it may die at any
// point and be started again.
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
	p := cloud.Plugin("qemu", "", &provider{})
	p.Doc = "Makes servers that are virtual machines under QEMU on the agent's own host, with KVM where there is one. Each has a disk over an image of the directory `images`, " +
		"a seed for cloud-init (NoCloud), and a loopback address of its own that leads to its ports. It counts as made when its SSH server greets. " +
		"It survives the agent, and is started again after the host. A flavor is written as processors x MiB of memory: `2x2048`."
	p.Capabilities = append(p.Capabilities, plugins.ThisHost)
	p.Settings, p.Config = settingsSchema(), optionsSchema()
	plugins.Serve(p)
}
