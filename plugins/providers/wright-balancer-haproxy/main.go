// Command wright-balancer-haproxy is the balancer "haproxy": it keeps one file
// for each route in a directory that HAProxy reads, and has HAProxy reload. The
// files are all that it knows; it keeps nothing of its own. It writes backends
// only: which addresses HAProxy listens at, and its certificates, are the
// business of whoever wrote the main configuration.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
)

func main() {
	p := balancer.Plugin("haproxy", "", &provider{})
	p.Doc = "Routes names through an HAProxy (2.6 or newer, in master-worker mode) on the agent's own machine: each route is a file with one backend, " +
		"checked before it gets its place, and in force by a reload that loses no request."
	p.Capabilities = append(p.Capabilities, plugins.ThisHost)
	p.Settings = plugins.Schema{
		{Name: "fragments", Doc: "Absolute path of the directory with the files of the routes. HAProxy reads it with -f, after its main configuration.", Default: "/etc/haproxy/wright.d"},
		{Name: "config", Type: plugins.TypeList, Doc: "Absolute paths of the main configuration, in the order in which HAProxy is given them.", Default: []any{"/etc/haproxy/haproxy.cfg"}},
		{Name: "master-socket", Doc: "Absolute path of the socket of HAProxy's master (-S). The agent's user must be able to write to it.", Default: "/run/haproxy-master.sock"},
		{Name: "program", Doc: "The program that checks configurations; best the one that runs.", Default: "haproxy", Example: "/usr/sbin/haproxy"},
		{Name: "resolvers", Doc: "The resolvers section of the main configuration that finds AppServers with a host name. Without it, only those with an IP address are taken.", Example: "mydns"},
	}
	p.Config = plugins.Schema{
		{Name: "balance", Doc: "How requests are spread over several AppServers.", OneOf: []string{"roundrobin", "leastconn", "source"}, Default: "roundrobin"},
		{Name: "check", Doc: "A path that HAProxy asks every AppServer for every two seconds; who does not answer gets no requests. Without it, nobody is asked.", Example: "/healthz"},
		{Name: "timeout", Type: plugins.TypeDuration, Doc: "How long an AppServer may be silent, up to 24h; without it, as the main configuration says.", Example: "2m"},
	}
	plugins.Serve(p)
}
