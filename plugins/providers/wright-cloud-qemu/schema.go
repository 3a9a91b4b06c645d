package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud/cloudinit"
)

func settingsSchema() plugins.Schema {
	return plugins.Schema{
		{Name: "images", Required: true, Doc: "The directory of the images. Image NAME is NAME.qcow2, NAME.img or NAME.raw in it; with NAME.vmlinuz, NAME.initrd and NAME.cmdline beside it that kernel is booted instead of the image's own. An image that servers were made from must not change.", Example: "/var/lib/wright/images"},
		{Name: "image", Doc: "The image where a manifest names none.", Example: "debian-12"},
		{Name: "program", Default: "qemu-system-x86_64", Doc: "QEMU: a path, or a name in $PATH. `qemu-img` is looked for beside it."},
		{Name: "accel", Doc: "How it runs: with KVM, by translation, or as it can.", OneOf: []string{"auto", "kvm", "tcg"}, Default: "auto"},
	}
}

func optionsSchema() plugins.Schema {
	one, port := plugins.Bound(1), plugins.Bound(65535)
	return append(cloudinit.Fields(), plugins.Schema{
		{Name: "cpus", Type: plugins.TypeInteger, Doc: "Virtual processors, unless `[appserver]` has a flavor.", Default: 1, Min: one, Max: plugins.Bound(256)},
		{Name: "memory", Type: plugins.TypeInteger, Doc: "Memory in MiB, unless `[appserver]` has a flavor.", Default: 512, Min: plugins.Bound(32)},
		{Name: "disk", Type: plugins.TypeInteger, Doc: "The size of the disk in GiB; 0 means the image's.", Default: 0, Min: plugins.Bound(0), Max: plugins.Bound(65536)},
		{Name: "ports", Type: plugins.TypeList, Element: plugins.TypeInteger, Doc: "The ports of the server that its address leads to, with the same number. Where the agent may not listen below 1024, 10000 is added to those.",
			Default: []any{22, 80, 443}},
		{Name: "port", Type: plugins.TypeInteger, Doc: "The port at which the AppServer will answer.", Default: 80, Min: one, Max: port},
		{Name: "outbound", Type: plugins.TypeBoolean, Doc: "Whether the server may open connections itself: to the host's network, and to the host's own services at 10.0.2.2.", Default: true},
		{Name: "wait-ssh", Type: plugins.TypeBoolean, Doc: "Whether its SSH server must greet before the server counts as made; true if it is not given.", Example: false},
		{Name: "boot-timeout", Type: plugins.TypeDuration, Doc: "How long that may take.", Default: "5m"},
		{Name: "ssh-user", Doc: "Who logs in for provisioning: $WRIGHT_APPSERVER_USER.", Default: "root"},
	}...)
}
