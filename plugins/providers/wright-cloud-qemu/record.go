package main

import (
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

// record is what server.json holds: all that is known about a server.
type record struct {
	ID        string            `json:"id"`
	Token     string            `json:"token"`
	Name      string            `json:"name"`
	Tags      map[string]string `json:"tags,omitempty"`
	Address   string            `json:"address"`
	Ports     []forward         `json:"ports"`
	Port      int               `json:"port"`     // of the host
	SSHPort   int               `json:"ssh_port"` // of the host; 0 where none is forwarded
	User      string            `json:"user,omitempty"`
	Program   string            `json:"program"`
	Accel     string            `json:"accel"`
	CPUs      int               `json:"cpus"`
	Memory    int               `json:"memory"`
	Outbound  bool              `json:"outbound"`
	WaitSSH   bool              `json:"wait_ssh"`
	Image     image             `json:"image"`
	CreatedAt time.Time         `json:"created_at"`
	Deleting  bool              `json:"deleting,omitempty"` // never started again
}

// forward leads from a port of the host to one of the server.
type forward struct {
	Host  int `json:"host"`
	Guest int `json:"guest"`
}

// The files in the directory of a server, beside those of package onhost. What QEMU
// complains about goes to the daemon's log.
const (
	diskFile    = "disk.qcow2"
	seedFile    = "seed.img" // holds the environment: the owner's alone
	consoleFile = "console"  // the server's; console.1 is the one before
)

func newRecord(s cloud.Spec, o options, set settings, img image, lowest int, now time.Time) record {
	r := record{
		ID: onhost.IDOf(s.Token), Token: s.Token, Name: s.Name, Tags: s.Tags, User: o.SSHUser, Program: set.Program, Accel: set.Accel,
		CPUs: o.CPUs, Memory: o.Memory, Outbound: o.Outbound, WaitSSH: *o.WaitSSH, Image: img, CreatedAt: now.UTC(),
	}
	for _, p := range o.Ports {
		f := forward{hostPort(p, lowest), p}
		r.Ports = append(r.Ports, f)
		if p == sshPort {
			r.SSHPort = f.Host
		}
		if p == o.Port {
			r.Port = f.Host
		}
	}
	return r
}

// hostPort is where a port of the server is on the host. Below lowest only root
// may listen.
func hostPort(guest, lowest int) int {
	if guest < lowest {
		return guest + 10000
	}
	return guest
}

// hostPorts are the ports of the host that lead to the server.
func (r record) hostPorts() []int {
	var all []int
	for _, f := range r.Ports {
		all = append(all, f.Host)
	}
	return all
}

// server is the record as callers see it.
func (r record) server(state string) cloud.Server {
	vars := map[string]string{"WRIGHT_APPSERVER_ADDRESS": r.Address, "WRIGHT_APPSERVER_PORT": fmt.Sprint(r.Port)}
	if r.SSHPort != 0 {
		vars["WRIGHT_APPSERVER_SSH_PORT"] = fmt.Sprint(r.SSHPort)
	}
	if r.User != "" {
		vars["WRIGHT_APPSERVER_USER"] = r.User
	}
	return cloud.Server{
		Token: r.Token, Name: r.Name, Address: r.Address, Port: r.Port, State: state, Tags: r.Tags, CreatedAt: r.CreatedAt, Variables: vars,
	}
}
