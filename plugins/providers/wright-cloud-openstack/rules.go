package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
)

// rule is one rule of a security group, in a form that can be compared.
type rule struct {
	protocol string
	from, to int // ports; 0 means all
	prefix   string
}

// rulesOf gives what a manifest's ingress comes to, sorted and without repetition.
func rulesOf(wanted []ingress) []rule {
	var list []rule
	for _, g := range wanted {
		for _, prefix := range g.From {
			list = append(list, rule{g.Protocol, g.Port, g.To, prefix})
		}
	}
	slices.SortFunc(list, func(a, b rule) int {
		return cmp.Or(strings.Compare(a.protocol, b.protocol), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), strings.Compare(a.prefix, b.prefix))
	})
	return slices.Compact(list)
}

// groupName follows from the rules: servers with the same share a group, and
// changed rules are another one.
func (i identity) groupName(list []rule) string {
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "%s %d %d %s\n", r.protocol, r.from, r.to, r.prefix)
	}
	return i.prefix() + "rules-" + digest(b.String())[:16]
}

// ruleOf reads a rule of neutron's. ok is false for one that this provider never makes.
func ruleOf(r rules.SecGroupRule) (_ rule, ok bool) {
	if r.RemoteGroupID != "" || r.RemoteAddressGroupID != "" {
		return rule{}, false
	}
	prefix := r.RemoteIPPrefix
	if prefix == "" {
		prefix = map[string]string{"IPv4": "0.0.0.0/0", "IPv6": "::/0"}[r.EtherType]
	}
	protocol := r.Protocol
	if protocol == "ipv6-icmp" || protocol == "icmpv6" {
		protocol = "icmp"
	}
	return rule{protocol, r.PortRangeMin, r.PortRangeMax, prefix}, true
}

// create is what neutron is asked for.
func (r rule) create(group string) rules.CreateOpts {
	o := rules.CreateOpts{
		Direction: rules.DirIngress, SecGroupID: group, EtherType: rules.EtherType4, Protocol: rules.RuleProtocol(r.protocol),
		PortRangeMin: r.from, PortRangeMax: r.to, RemoteIPPrefix: r.prefix,
	}
	if p, err := netip.ParsePrefix(r.prefix); err == nil && p.Addr().Is6() {
		o.EtherType = rules.EtherType6
		if r.protocol == "icmp" {
			o.Protocol = rules.ProtocolIPv6ICMP
		}
	}
	return o
}

// difference says which rules a group lacks, and the IDs of those that it should
// not have. What leaves the servers is not its business.
func difference(have []rules.SecGroupRule, want []rule) (lacks []rule, extra []string) {
	seen := map[rule]bool{}
	for _, h := range have {
		if h.Direction != string(rules.DirIngress) {
			continue
		}
		r, ours := ruleOf(h)
		if !ours || seen[r] || !slices.Contains(want, r) {
			extra = append(extra, h.ID)
			continue
		}
		seen[r] = true
	}
	for _, w := range want {
		if !seen[w] {
			lacks = append(lacks, w)
		}
	}
	return lacks, extra
}
