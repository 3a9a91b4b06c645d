package watchlist

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// Hosts says which hosts the master may be sent to by what a build reports. It
// looks nothing up: names and addresses come in. Its zero value allows all
// but this machine and what is never allowed. It is safe for concurrent use.
//
// A host that Allow names is allowed at whatever address it has, except those
// that are never allowed and those that are denied.
type Hosts struct {
	allowed, denied hostSet
	loopback        bool
}

// hostSet is names and networks.
type hostSet struct {
	names []string // lower case; "*." stands for any names before the rest
	nets  []netip.Prefix
}

// NewHosts makes the policy that the operator's configuration asks for.
func NewHosts(c manifests.HostsConfig) Hosts {
	return Hosts{newHostSet(c.Allow), newHostSet(c.Deny), c.Loopback}
}

func newHostSet(patterns []string) (s hostSet) {
	for _, p := range patterns {
		if net, err := netip.ParsePrefix(p); err == nil {
			s.nets = append(s.nets, net.Masked())
		} else if addr, err := netip.ParseAddr(p); err == nil {
			s.nets = append(s.nets, netip.PrefixFrom(addr, addr.BitLen()))
		} else {
			s.names = append(s.names, normalHost(p))
		}
	}
	return s
}

// CheckURL says why a URL that a build reported must not be asked, as far as it
// shows: its host's address is checked by CheckAddr when it is known. A URL
// that names no host is not this policy's business.
func (h Hosts) CheckURL(raw string) error {
	if manifests.IsLocal(raw) {
		return nil
	}
	host, err := hostOf(raw)
	if err != nil {
		return err
	}
	return h.CheckHost(host)
}

// hostOf is the host of a URL, brackets left out. That of scp's form is found
// by the form that its canonical URL has.
func hostOf(raw string) (string, error) {
	if !strings.Contains(raw, "://") {
		raw = manifests.CanonicalURL(raw)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return "", errors.New("the URL names no host")
	}
	return u.Hostname(), nil
}

// CheckHost is CheckURL for the host alone, a name or an address.
func (h Hosts) CheckHost(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		return h.CheckAddr("", addr)
	}
	name := normalHost(host)
	switch {
	case isNumeric(name):
		return fmt.Errorf("the host %.100q is neither a name nor an address as it is written today", host)
	case isLocalhost(name) && !h.loopback:
		return fmt.Errorf("the host %.100q is this machine; the master's configuration may allow it with hosts.loopback", host)
	case h.denied.names != nil && h.denied.hasName(name):
		return fmt.Errorf("the host %.100q is denied by the master's configuration", host)
	case !h.allowed.empty() && len(h.allowed.nets) == 0 && !h.allowed.hasName(name):
		return notAllowed(host)
	}
	return nil
}

// CheckAddr says why an address must not be connected to that the host called
// name turned out to have ("": the URL holds the address itself).
func (h Hosts) CheckAddr(name string, addr netip.Addr) error {
	addr = inner(addr)
	switch {
	case addr.IsLoopback() && !h.loopback:
		return fmt.Errorf("%s is this machine; the master's configuration may allow it with hosts.loopback", show(name, addr))
	case isNever(addr):
		return fmt.Errorf("%s is link-local, a metadata service or no single host, and never asked", show(name, addr))
	case h.denied.hasAddr(addr):
		return fmt.Errorf("%s is denied by the master's configuration", show(name, addr))
	case !h.allowed.empty() && !h.allowed.hasAddr(addr) && (name == "" || !h.allowed.hasName(normalHost(name))):
		return notAllowed(show(name, addr))
	}
	return nil
}

func notAllowed(host string) error {
	return fmt.Errorf("%.150s is not among the hosts that the master's configuration allows", host)
}

func show(name string, addr netip.Addr) string {
	if name == "" || name == addr.String() {
		return addr.String()
	}
	return fmt.Sprintf("%.100s (%s)", name, addr)
}

func (s hostSet) empty() bool { return len(s.names)+len(s.nets) == 0 }

func (s hostSet) hasName(name string) bool {
	return slices.ContainsFunc(s.names, func(p string) bool {
		below, wild := strings.CutPrefix(p, "*")
		return p == name || wild && strings.HasSuffix(name, below) && len(name) > len(below)
	})
}

func (s hostSet) hasAddr(addr netip.Addr) bool {
	return slices.ContainsFunc(s.nets, func(n netip.Prefix) bool {
		return n.Contains(addr) || n.Addr().Is4In6() && addr.Is4() && n.Contains(netip.AddrFrom16(addr.As16()))
	})
}

func normalHost(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

func isLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "localhost.localdomain" ||
		name == "ip6-localhost" || name == "ip6-loopback"
}

// isNumeric tells whether some resolvers take a name for an address, such as
// "2130706433", "127.1" and "0x7f.0.0.1".
func isNumeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	hex, isHex := strings.CutPrefix(last, "0x")
	return strings.Trim(last, "0123456789") == "" || isHex && strings.Trim(hex, "0123456789abcdef") == ""
}

// inner is the IPv4 address that an IPv6 one leads to, if it is of that kind.
func inner(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	b := addr.As16()
	for prefix, at := range map[string]int{"64:ff9b::/96": 12, "64:ff9b:1::/48": 12, "2002::/16": 2, "::/96": 12} {
		if netip.MustParsePrefix(prefix).Contains(addr) && !addr.IsLoopback() && !addr.IsUnspecified() {
			return netip.AddrFrom4([4]byte(b[at : at+4]))
		}
	}
	return addr
}

// isNever tells whether an address is refused whatever the configuration says.
func isNever(addr netip.Addr) bool {
	if addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() {
		return true
	}
	return slices.ContainsFunc(neverNets(), func(n string) bool { return netip.MustParsePrefix(n).Contains(addr) })
}

// neverNets are where clouds tell their machines secrets, beside link-local
// addresses, and what is no host.
func neverNets() []string {
	return []string{
		"fd00:ec2::/32",         // Amazon
		"fd20:ce::/32",          // Google
		"fd00:42::42/128",       // Scaleway
		"100.100.100.200/32",    // Alibaba
		"168.63.129.16/32",      // Azure
		"192.0.0.192/32",        // Oracle
		"0.0.0.0/8",             // this network: Linux connects to itself
		"255.255.255.255/32",    // everybody
		"fec0::/10", "ff00::/8", // site-local of old, multicast
	}
}
