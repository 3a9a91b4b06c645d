package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud/cloudinit"
)

func settingsSchema() plugins.Schema {
	return plugins.Schema{
		{Name: "clouds-file", Doc: "The path of a clouds.yaml; a secure.yaml beside it is read, too.", Example: "/etc/wright/clouds.yaml"},
		{Name: "cloud", Doc: "The name of the cloud in it. The other settings override what it says.", Example: "production"},
		{Name: "auth-url", Doc: "Where Keystone is.", Example: "https://keystone.example.test/v3"},
		{Name: "region", Doc: "The region.", Example: "RegionOne"},
		{Name: "interface", Doc: "Which of the catalog's addresses are used.", OneOf: []string{"public", "internal", "admin"}},
		{Name: "application-credential-id", Doc: "The ID of an application credential: the best way to log in."},
		{Name: "application-credential-name", Doc: "Its name instead, with `username` or `user-id`."},
		{Name: "application-credential-secret", Doc: "Its secret, or \"file:/path\" of a file that holds it.", Secret: true, Example: "file:/etc/wright/openstack.secret"},
		{Name: "username", Doc: "The name of the user."},
		{Name: "user-id", Doc: "The ID of the user instead."},
		{Name: "user-domain", Doc: "The name of the user's domain.", Default: "Default"},
		{Name: "password", Doc: "The user's password, or \"file:/path\" of a file that holds it.", Secret: true},
		{Name: "project", Doc: "The name of the project."},
		{Name: "project-id", Doc: "The ID of the project instead."},
		{Name: "project-domain", Doc: "The name of the project's domain.", Default: "Default"},
		{Name: "ca-file", Doc: "The path of the certificates that the cloud's are signed with, in PEM; else those of the system."},
		{Name: "timeout", Type: plugins.TypeDuration, Doc: "How long one request to the cloud may take.", Default: "30s"},
	}
}

func optionsSchema() plugins.Schema {
	one, port := plugins.Bound(1), plugins.Bound(65535)
	return append(plugins.Schema{
		{Name: "flavor", Type: plugins.TypeTable, Doc: "The least that the flavor must have, instead of its name in `[appserver]`. The smallest that fits is taken.",
			Example: map[string]any{"ram": 4096, "disk": 40}, Fields: plugins.Schema{
				{Name: "ram", Type: plugins.TypeInteger, Doc: "Memory in MiB.", Min: one},
				{Name: "disk", Type: plugins.TypeInteger, Doc: "The root disk in GiB.", Min: one},
				{Name: "vcpus", Type: plugins.TypeInteger, Doc: "Virtual processors.", Min: one},
			}},
		{Name: "image", Type: plugins.TypeMap, Doc: "The name or other properties of the image, instead of its name or ID in `[appserver]`. Of several the newest is taken.",
			Example: map[string]any{"os_distro": "debian", "os_version": "12"}},
		{Name: "networks", Type: plugins.TypeList, Doc: "The names or IDs of the networks; the server's address is in the first. None means the only one there is that is not external.",
			Example: []any{"internal"}},
		{Name: "floating-ip", Doc: "The name or ID of the external network that a floating IP is taken from; it becomes the server's address.", Example: "public"},
		{Name: "ingress", Type: plugins.TypeList, Element: plugins.TypeTable, Doc: "What may reach the server. Anything may leave it. Servers with the same rules share a security group, which is kept to them.",
			Default: []any{map[string]any{"port": 22}, map[string]any{"port": 80}, map[string]any{"port": 443}}, Fields: plugins.Schema{
				{Name: "protocol", Doc: "The protocol.", OneOf: []string{"tcp", "udp", "icmp"}, Default: "tcp"},
				{Name: "port", Type: plugins.TypeInteger, Doc: "The port; none means all.", Min: one, Max: port},
				{Name: "to", Type: plugins.TypeInteger, Doc: "The last port of a range that begins with `port`.", Min: one, Max: port},
				{Name: "from", Type: plugins.TypeList, Doc: "The networks in CIDR notation that may; none means all.", Example: []any{"192.0.2.0/24"}},
			}},
		{Name: "security-groups", Type: plugins.TypeList, Doc: "The names or IDs of other security groups, which are there already."},
		{Name: "key-name", Doc: "The name of a key pair that is there already."},
		{Name: "availability-zone", Doc: "The availability zone."},
		{Name: "config-drive", Type: plugins.TypeBoolean, Doc: "Whether the user data come on a drive instead of from the network."},
		{Name: "volume", Type: plugins.TypeTable, Doc: "A volume to boot from, made from the image and deleted with the server.", Example: map[string]any{"size": 40}, Fields: plugins.Schema{
			{Name: "size", Type: plugins.TypeInteger, Doc: "Its size in GiB.", Required: true, Min: one},
			{Name: "type", Doc: "Its type."},
		}},
		{Name: "ssh-user", Doc: "Who logs in for provisioning: $WRIGHT_APPSERVER_USER.", Example: "debian"},
		{Name: "port", Type: plugins.TypeInteger, Doc: "The port at which the AppServer will answer, for balancers; 0 means that it is not known.", Default: 0, Min: plugins.Bound(0), Max: port},
		{Name: "wait-port", Type: plugins.TypeInteger, Doc: "The TCP port that must answer before the server counts as made; 22 if it is not given, and 0 means none.", Example: 0, Min: plugins.Bound(0), Max: port},
		{Name: "boot-timeout", Type: plugins.TypeDuration, Doc: "How long that may take.", Default: "10m"},
	}, cloudinit.Fields()...)
}
