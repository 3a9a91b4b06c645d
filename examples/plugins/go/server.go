package main

import (
	"maps"
	"strconv"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"

	"example.com/wright-cloud-rack/rack"
)

// The labels that this provider adds: the port of a server, and its token as it
// was given.
const (
	portLabel  = "wright-port"
	tokenLabel = "wright-token"
)

// labels are what List finds a machine by, and what a server is made of again.
func labels(tags map[string]string, token string, port int) (map[string]string, error) {
	all := map[string]string{portLabel: strconv.Itoa(port), tokenLabel: token}
	for k, v := range tags {
		if _, own := all[k]; own {
			return nil, plugins.Invalidf("tags."+k, "is the provider's own")
		}
		all[k] = v
	}
	return all, nil
}

// server is a machine in Wright's words. All of it is the machine's own: of a call
// with a token that is known nothing but the token counts.
func server(m rack.Machine) *cloud.Server {
	port, _ := strconv.Atoi(m.Labels[portLabel])
	tags := maps.Clone(m.Labels)
	delete(tags, portLabel)
	delete(tags, tokenLabel)
	state := map[string]string{"booting": cloud.Starting, "running": cloud.Running, "ending": cloud.Deleting}[m.State]
	return &cloud.Server{
		Token: m.Labels[tokenLabel], Name: m.Name, Address: m.Address, Port: port, State: state, Tags: tags, CreatedAt: m.CreatedAt,
		Variables: map[string]string{"WRIGHT_APPSERVER_MACHINE": m.ID},
	}
}
