package main

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/cloudinit"
)

// options is the provider's table of a manifest.
type options struct {
	Flavor         *flavorWant       `json:"flavor"`
	Image          map[string]string `json:"image"`
	Networks       []string          `json:"networks"`
	FloatingIP     string            `json:"floating-ip"`
	Ingress        []ingress         `json:"ingress"`
	SecurityGroups []string          `json:"security-groups"`
	KeyName        string            `json:"key-name"`
	SSHKeys        []string          `json:"ssh-keys"`
	UserData       string            `json:"user-data"`
	EnvFile        string            `json:"env-file"`
	Zone           string            `json:"availability-zone"`
	ConfigDrive    *bool             `json:"config-drive"`
	Volume         *volumeWant       `json:"volume"`
	SSHUser        string            `json:"ssh-user"`
	Port           int               `json:"port"`
	WaitPort       *int              `json:"wait-port"` // default 22
	BootTimeout    plugins.Duration  `json:"boot-timeout"`

	flavor, image string // Spec's
}

type flavorWant struct {
	RAM   int `json:"ram"`
	Disk  int `json:"disk"`
	VCPUs int `json:"vcpus"`
}

type volumeWant struct {
	Size int    `json:"size"`
	Type string `json:"type"`
}

// ingress is one thing that may reach the server.
type ingress struct {
	Protocol string   `json:"protocol"`
	Port     int      `json:"port"`
	To       int      `json:"to"`
	From     []string `json:"from"`
}

// maxUserData is how many bytes nova takes: 65,535, in base64.
const maxUserData = 65535 / 4 * 3

func (o options) data() cloudinit.Data {
	return cloudinit.Data{UserData: o.UserData, SSHKeys: o.SSHKeys, EnvFile: o.EnvFile}
}

func readOptions(s cloud.Spec) (options, error) {
	o := options{flavor: s.Flavor, image: s.Image}
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
	case o.flavor == "" && o.Flavor == nil:
		return o, plugins.Invalidf("flavor", "is missing: name one, or say in config.flavor what it must have")
	case o.flavor != "" && o.Flavor != nil:
		return o, plugins.Invalidf("config.flavor", "there is a flavor %q, too: one of them is enough", o.flavor)
	case o.image == "" && len(o.Image) == 0:
		return o, plugins.Invalidf("image", "is missing: name one, or say in config.image what it must be")
	case o.image != "" && len(o.Image) > 0:
		return o, plugins.Invalidf("config.image", "there is an image %q, too: one of them is enough", o.image)
	}
	for i := range o.Ingress {
		if err := o.Ingress[i].check(fmt.Sprintf("config.ingress[%d]", i+1)); err != nil {
			return o, err
		}
	}
	return o, nil
}

// check also fills in what is missing.
func (g *ingress) check(path string) error {
	if g.Protocol == "" {
		g.Protocol = "tcp"
	}
	if g.To == 0 {
		g.To = g.Port
	}
	switch {
	case g.Protocol == "icmp" && g.Port != 0:
		return plugins.Invalidf(path+".port", "icmp has no ports")
	case g.To < g.Port || g.Port == 0 && g.To != 0:
		return plugins.Invalidf(path+".to", "%d is before the first port, %d", g.To, g.Port)
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
