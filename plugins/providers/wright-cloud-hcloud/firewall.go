package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/wright-build/wright/plugins"
)

// firewallName is that of the firewall of a set of rules.
func firewallName(id identity, rules []ingress) (string, error) {
	text, err := json.Marshal(rules)
	if err != nil {
		return "", fmt.Errorf("name the firewall: %w", err)
	}
	return "wright-" + id.installation + "-rules-" + digest(string(text))[:16], nil
}

// firewall gives the firewall of the wish's rules. It is made if it is missing
// and put back to its rules if somebody changed them.
func (s *session) firewall(ctx context.Context, w wish) (*hcloud.Firewall, error) {
	const doing = "make the firewall"
	name, err := firewallName(w.id, w.options.Ingress)
	if err != nil {
		return nil, err
	}
	rules, err := rulesOf(w.options.Ingress)
	if err != nil {
		return nil, err
	}
	for range lostTries {
		have, _, err := s.api.Firewall.GetByName(ctx, name)
		if err != nil {
			return nil, wrong(ctx, doing, err)
		}
		if have != nil {
			return have, s.keep(ctx, have, w.id, rules)
		}
		made, _, err := s.api.Firewall.Create(ctx, hcloud.FirewallCreateOpts{Name: name, Rules: rules, Labels: map[string]string{installationLabel: w.id.installation}})
		if err == nil && made.Firewall.Name == name {
			return made.Firewall, nil
		}
		if err != nil && refused(err) && !hcloud.IsError(err, hcloud.ErrorCodeUniquenessError) {
			return nil, wrong(ctx, doing, err)
		}
		if ctx.Err() != nil {
			return nil, wrong(ctx, doing, ctx.Err())
		}
	}
	return nil, plugins.Errorf(plugins.Transient, "hcloud: %s %s: it does not stay", doing, name)
}

// keep puts a firewall of ours back to its rules.
func (s *session) keep(ctx context.Context, f *hcloud.Firewall, id identity, rules []hcloud.FirewallRule) error {
	if f.Labels[installationLabel] != id.installation {
		return plugins.Errorf(plugins.Exists, "hcloud: there is a firewall %s that is not this installation's", f.Name)
	}
	if slices.Equal(spelled(f.Rules), spelled(rules)) {
		return nil
	}
	_, _, err := s.api.Firewall.SetRules(ctx, f, hcloud.FirewallSetRulesOpts{Rules: rules})
	return wrong(ctx, "put the firewall "+f.Name+" back to its rules", err)
}

// dropFirewalls removes those that no server uses. The cloud refuses to remove
// one that is used, so nobody need be asked before.
func (s *session) dropFirewalls(ctx context.Context, id identity) error {
	const doing = "remove firewalls that nothing uses"
	all, err := s.api.Firewall.AllWithOpts(ctx, hcloud.FirewallListOpts{ListOpts: hcloud.ListOpts{LabelSelector: id.all(), PerPage: pageSize}})
	if err != nil {
		return wrong(ctx, doing, err)
	}
	for _, f := range all {
		if len(f.AppliedTo) > 0 || f.Labels[installationLabel] != id.installation {
			continue
		}
		_, err := s.api.Firewall.Delete(ctx, f)
		if err != nil && !missing(err) && !hcloud.IsError(err, hcloud.ErrorCodeResourceInUse) {
			return wrong(ctx, doing, err)
		}
	}
	return nil
}

// rulesOf writes rules as Hetzner has them.
func rulesOf(list []ingress) ([]hcloud.FirewallRule, error) {
	rules := []hcloud.FirewallRule{}
	for _, g := range list {
		r := hcloud.FirewallRule{Direction: hcloud.FirewallRuleDirectionIn, Protocol: hcloud.FirewallRuleProtocol(g.Protocol), Port: g.ports()}
		for _, text := range g.From {
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				return nil, fmt.Errorf("write the rules: %w", err)
			}
			bits := 8 * len(prefix.Addr().AsSlice())
			r.SourceIPs = append(r.SourceIPs, net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), bits)})
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// spelled writes rules so that equal ones are equal, whatever their order.
func spelled(rules []hcloud.FirewallRule) []string {
	var list []string
	for _, r := range rules {
		var from []string
		for _, n := range slices.Concat(r.SourceIPs, r.DestinationIPs) {
			from = append(from, n.String())
		}
		slices.Sort(from)
		port := ""
		if r.Port != nil {
			port = cmp.Or(*r.Port, "any")
		}
		list = append(list, fmt.Sprint(r.Direction, " ", r.Protocol, " ", port, " ", strings.Join(from, ",")))
	}
	slices.Sort(list)
	return list
}

// imageOf names an image; a number is an ID.
func imageOf(text string) *hcloud.Image {
	var id int64
	if _, err := fmt.Sscanf(text, "%d", &id); err == nil && fmt.Sprint(id) == text && id > 0 {
		return &hcloud.Image{ID: id}
	}
	return &hcloud.Image{Name: text}
}
