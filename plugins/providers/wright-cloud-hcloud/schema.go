package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud/cloudinit"
)

func settingsSchema() plugins.Schema {
	return plugins.Schema{
		{Name: "token", Required: true, Secret: true, Doc: "An API token of the project with the permission to read and write, or \"file:/path\" of a file that holds it.", Example: "file:/etc/wright/hcloud.token"},
		{Name: "endpoint", Default: "https://api.hetzner.cloud/v1", Doc: "The URL of the API."},
		{Name: "flavor", Doc: "The server type where a manifest names no flavor.", Example: "cx23"},
		{Name: "image", Doc: "The image where a manifest names none.", Example: "debian-13"},
		{Name: "timeout", Type: plugins.TypeDuration, Doc: "How long one request to the API may take.", Default: "30s"},
	}
}

func optionsSchema() plugins.Schema {
	one, port := plugins.Bound(1), plugins.Bound(65535)
	return append(cloudinit.Fields(), plugins.Schema{
		{Name: "locations", Type: plugins.TypeList, Doc: "The names of the locations; where the first has no room the next is tried. None leaves it to the cloud.", Example: []any{"fsn1", "nbg1"}},
		{Name: "key-names", Type: plugins.TypeList, Doc: "The names of SSH keys that are in the project already. Without any, Hetzner makes a root password and sends it to the project's owner.", Example: []any{"ops"}},
		{Name: "networks", Type: plugins.TypeList, Doc: "The names of private networks that the server is to be in.", Example: []any{"internal"}},
		{Name: "ipv4", Type: plugins.TypeBoolean, Doc: "Whether the server gets a public IPv4 address, which becomes its address.", Default: true},
		{Name: "ipv6", Type: plugins.TypeBoolean, Doc: "Whether the server gets a public IPv6 network. Without both its address is the one in the first of `networks`.", Default: true},
		{Name: "ingress", Type: plugins.TypeList, Element: plugins.TypeTable, Doc: "What may reach the server from outside. Anything may leave it. Servers with the same rules share a firewall, which is kept to them.",
			Default: []any{map[string]any{"port": 22}, map[string]any{"port": 80}, map[string]any{"port": 443}}, Fields: plugins.Schema{
				{Name: "protocol", Doc: "The protocol.", OneOf: []string{"tcp", "udp", "icmp", "esp", "gre"}, Default: "tcp"},
				{Name: "port", Type: plugins.TypeInteger, Doc: "The port; none means all.", Min: one, Max: port},
				{Name: "to", Type: plugins.TypeInteger, Doc: "The last port of a range that begins with `port`.", Min: one, Max: port},
				{Name: "from", Type: plugins.TypeList, Doc: "The networks in CIDR notation that may; none means all.", Example: []any{"192.0.2.0/24"}},
			}},
		{Name: "firewalls", Type: plugins.TypeList, Doc: "The names of other firewalls, which are in the project already.", Example: []any{"monitoring"}},
		{Name: "placement-group", Doc: "The name of a placement group that is in the project already.", Example: "spread"},
		{Name: "ssh-user", Doc: "Who logs in for provisioning: $WRIGHT_APPSERVER_USER.", Default: "root"},
		{Name: "port", Type: plugins.TypeInteger, Doc: "The port at which the AppServer will answer, for balancers; 0 means that it is not known.", Default: 0, Min: plugins.Bound(0), Max: port},
		{Name: "wait-port", Type: plugins.TypeInteger, Doc: "The TCP port that must answer before the server counts as made; 22 if it is not given, and 0 means none.", Example: 0, Min: plugins.Bound(0), Max: port},
		{Name: "boot-timeout", Type: plugins.TypeDuration, Doc: "How long that may take.", Default: "10m"},
	}...)
}
