package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/cloudinit"
)

// options is the provider's table of a manifest, with the defaults filled in.
type options struct {
	SSHKeys     []string         `json:"ssh-keys"`
	UserData    string           `json:"user-data"`
	EnvFile     string           `json:"env-file"`
	Locations   []string         `json:"locations"`
	KeyNames    []string         `json:"key-names"`
	Networks    []string         `json:"networks"`
	IPv4        bool             `json:"ipv4"`
	IPv6        bool             `json:"ipv6"`
	Ingress     []ingress        `json:"ingress"`
	Firewalls   []string         `json:"firewalls"`
	Group       string           `json:"placement-group"`
	SSHUser     string           `json:"ssh-user"`
	Port        int              `json:"port"`
	WaitPort    *int             `json:"wait-port"` // default 22
	BootTimeout plugins.Duration `json:"boot-timeout"`

	flavor, image string // Spec's
}

// ingress is one thing that may reach the server.
type ingress struct {
	Protocol string   `json:"protocol"`
	Port     int      `json:"port"`
	To       int      `json:"to"`
	From     []string `json:"from"`
}

// What a firewall of Hetzner's holds; each server may have five of them.
const (
	maxRules     = 50
	maxSources   = 100
	maxFirewalls = 5
)

func readOptions(s cloud.Spec, defaults settings) (options, error) {
	o := options{flavor: cmp.Or(s.Flavor, defaults.Flavor), image: cmp.Or(s.Image, defaults.Image)}
	if err := plugins.ReadConfig(s.Config, &o); err != nil {
		return o, err
	}
	if o.BootTimeout <= 0 {
		o.BootTimeout = plugins.Duration(10 * time.Minute)
	}
	if o.WaitPort == nil {
		ssh := 22
		o.WaitPort = &ssh
	}
	switch {
	case o.flavor == "":
		return o, plugins.Invalidf("flavor", "is missing: name a server type, such as \"cx23\"")
	case o.image == "":
		return o, plugins.Invalidf("image", "is missing: name one, such as \"debian-12\", or give the ID of a snapshot")
	case !o.IPv4 && !o.IPv6 && len(o.Networks) == 0:
		return o, plugins.Invalidf("config.networks", "is empty, and ipv4 and ipv6 are false: the server would have no address")
	case len(o.Ingress) > maxRules:
		return o, plugins.Invalidf("config.ingress", "has %d rules; a firewall holds %d", len(o.Ingress), maxRules)
	case len(o.Firewalls) >= maxFirewalls:
		return o, plugins.Invalidf("config.firewalls", "names %d; beside ours a server may have %d", len(o.Firewalls), maxFirewalls-1)
	}
	for i := range o.Ingress {
		if err := o.Ingress[i].check(fmt.Sprintf("config.ingress[%d]", i+1)); err != nil {
			return o, err
		}
	}
	return o, o.data().Check()
}

func (o options) data() cloudinit.Data {
	return cloudinit.Data{UserData: o.UserData, SSHKeys: o.SSHKeys, EnvFile: o.EnvFile}
}

// check also fills in what is missing.
func (g *ingress) check(path string) error {
	if g.Protocol == "" {
		g.Protocol = "tcp"
	}
	if g.To == 0 {
		g.To = g.Port
	}
	ports := g.Protocol == "tcp" || g.Protocol == "udp"
	switch {
	case !ports && g.Port != 0:
		return plugins.Invalidf(path+".port", "%s has no ports", g.Protocol)
	case g.To < g.Port || g.Port == 0 && g.To != 0:
		return plugins.Invalidf(path+".to", "%d is before the first port, %d", g.To, g.Port)
	case len(g.From) > maxSources:
		return plugins.Invalidf(path+".from", "has %d networks; a rule holds %d", len(g.From), maxSources)
	}
	if len(g.From) == 0 {
		g.From = []string{"0.0.0.0/0", "::/0"}
	}
	for i, text := range g.From {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return plugins.Invalidf(fmt.Sprintf("%s.from[%d]", path, i+1), "%.60q is no network such as \"192.0.2.0/24\"", text)
		}
		g.From[i] = prefix.Masked().String()
	}
	return nil
}

// ports are a rule's, as Hetzner writes them; nil for protocols without.
func (g ingress) ports() *string {
	text := fmt.Sprint(g.Port)
	switch {
	case g.Protocol != "tcp" && g.Protocol != "udp":
		return nil
	case g.Port == 0:
		text = "1-65535"
	case g.To != g.Port:
		text = fmt.Sprintf("%d-%d", g.Port, g.To)
	}
	return &text
}
