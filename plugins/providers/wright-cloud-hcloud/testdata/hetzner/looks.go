package hetzner

import (
	"slices"
	"time"
)

// Left says what of a cloud there is: the names of servers and firewalls, and how
// many primary IPs.
func (c *Cloud) Left() (servers, firewalls []string, ips int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(time.Now())
	for _, s := range c.servers {
		servers = append(servers, s.name)
	}
	for _, f := range c.firewalls {
		firewalls = append(firewalls, f.name)
	}
	slices.Sort(servers)
	slices.Sort(firewalls)
	return servers, firewalls, len(c.ips)
}

// Data gives the user data, the location and the networks of the only server.
func (c *Cloud) Data() (data, location string, networks []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.servers {
		return s.data, s.location, s.networks
	}
	return "", "", nil
}

// Labels gives the labels of the only server.
func (c *Cloud) Labels() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.servers {
		return s.labels
	}
	return nil
}

// Rules gives the ports of a firewall's rules, and replaces them if asked to.
func (c *Cloud) Rules(name string, open string) (ports []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.firewalls {
		if f.name != name {
			continue
		}
		for _, r := range f.rules {
			if r.Port != nil {
				ports = append(ports, *r.Port)
			}
		}
		if open != "" {
			f.rules = []rule{{Direction: "in", Protocol: "tcp", Port: &open, SourceIPs: []string{"0.0.0.0/0"}}}
		}
	}
	return ports
}

// Person does what a person does at the console: makes a server of a name, or
// protects all, or switches all off.
func (c *Cloud) Person(makes string, protects, off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if makes != "" {
		id := c.next()
		c.servers[id] = &server{id: id, name: makes, made: time.Now()}
	}
	for _, s := range c.servers {
		s.protected, s.off = protects, off
	}
}
