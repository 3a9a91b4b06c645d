package hetzner

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
)

// firewall is one of [F].
type firewall struct {
	id     int64
	name   string
	labels map[string]string
	rules  []rule
}

type rule struct {
	Direction      string   `json:"direction"`
	SourceIPs      []string `json:"source_ips"`
	DestinationIPs []string `json:"destination_ips"`
	Protocol       string   `json:"protocol"`
	Port           *string  `json:"port"`
	Description    *string  `json:"description"`
}

func (f *firewall) key() (int64, string, map[string]string) { return f.id, f.name, f.labels }

type shownFirewall struct {
	*firewall
	q *request
}

func (f shownFirewall) json() any {
	applied := []any{}
	for _, id := range f.q.users(f.id) {
		applied = append(applied, map[string]any{"type": "server", "server": map[string]any{"id": id}})
	}
	return map[string]any{"id": f.id, "name": f.name, "labels": f.labels, "created": "2026-01-30T23:50:00+00:00", "rules": f.rules, "applied_to": applied}
}

// users are the servers that a firewall is applied to.
func (c *Cloud) users(id int64) []int64 {
	var list []int64
	for _, s := range c.servers {
		if slices.Contains(s.firewalls, id) {
			list = append(list, s.id)
		}
	}
	slices.Sort(list)
	return list
}

func (q *request) listFirewalls() {
	var all []shownFirewall
	for _, f := range q.firewalls {
		all = append(all, shownFirewall{f, q})
	}
	list(q, "firewalls", all)
}

func (q *request) getFirewall() {
	f := q.firewalls[q.id]
	if f == nil {
		q.missing("firewall")
		return
	}
	q.answer(http.StatusOK, map[string]any{"firewall": shownFirewall{f, q}.json()})
}

// createFirewall follows [F] "Create a Firewall"; names are unique in a project.
func (q *request) createFirewall() {
	var b struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
		Rules  []rule            `json:"rules"`
	}
	if !q.body(&b) {
		return
	}
	switch {
	case b.Name == "" || len(b.Name) > 128:
		q.invalid("name", "must have 1 to 128 characters")
	case refuseLabels(b.Labels) != "":
		q.invalid("labels", refuseLabels(b.Labels))
	case refuseRules(b.Rules) != "":
		q.invalid("rules", refuseRules(b.Rules))
	case slices.ContainsFunc(slices.Collect(maps.Values(q.firewalls)), func(f *firewall) bool { return f.name == b.Name }):
		q.fail(http.StatusConflict, "uniqueness_error", "name is already used")
	default:
		f := &firewall{q.next(), b.Name, b.Labels, b.Rules}
		q.firewalls[f.id] = f
		q.answer(http.StatusCreated, map[string]any{"firewall": shownFirewall{f, q}.json(), "actions": []any{}})
	}
}

// deleteFirewall follows [F] "Delete a Firewall": resource_in_use.
func (q *request) deleteFirewall() {
	switch {
	case q.firewalls[q.id] == nil:
		q.missing("firewall")
	case len(q.users(q.id)) > 0:
		q.fail(http.StatusUnprocessableEntity, "resource_in_use", "firewall is still in use")
	default:
		delete(q.firewalls, q.id)
		q.answer(http.StatusNoContent, nil)
	}
}

// setRules follows [F] "Set Rules": they replace what there is.
func (q *request) setRules() {
	var b struct {
		Rules []rule `json:"rules"`
	}
	f := q.firewalls[q.id]
	switch {
	case f == nil:
		q.missing("firewall")
	case !q.body(&b):
	case refuseRules(b.Rules) != "":
		q.invalid("rules", refuseRules(b.Rules))
	default:
		f.rules = b.Rules
		q.answer(http.StatusCreated, map[string]any{"actions": []any{}})
	}
}

var portRule = regexp.MustCompile(`^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$`)

// refuseRules follows [F] "rules".
func refuseRules(rules []rule) string {
	if len(rules) > 50 {
		return "at most 50"
	}
	for _, r := range rules {
		needs := r.Protocol == "tcp" || r.Protocol == "udp"
		switch {
		case r.Direction != "in" && r.Direction != "out":
			return "direction is in or out"
		case !slices.Contains([]string{"tcp", "udp", "icmp", "esp", "gre"}, r.Protocol):
			return fmt.Sprintf("protocol %q", r.Protocol)
		case needs != (r.Port != nil):
			return "tcp and udp have a port, others none"
		case needs && !portRule.MatchString(*r.Port):
			return fmt.Sprintf("port %q", *r.Port)
		case r.Direction == "in" && (len(r.SourceIPs) == 0 || len(r.SourceIPs) > 100):
			return "in has 1 to 100 source_ips"
		}
		for _, text := range r.SourceIPs {
			if p, err := netip.ParsePrefix(text); err != nil || p != p.Masked() {
				return fmt.Sprintf("%q is no network", text)
			}
		}
	}
	return ""
}
