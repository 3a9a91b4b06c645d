package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/balancer"
	"github.com/wright-build/wright/plugins/dns"
)

// route is what a file says about itself, in the comment of its first line.
type route struct {
	Name    string            `json:"name"` // in normal form
	Tags    map[string]string `json:"tags"`
	Targets []target          `json:"targets"`
}

type target struct {
	Address string `json:"address"` // as it was given
	Port    int    `json:"port"`
}

// options is the provider's table of a manifest.
type options struct {
	Balance string           `json:"balance"`
	Check   string           `json:"check"`
	Timeout plugins.Duration `json:"timeout"`
}

// fragment is the file of a route.
type fragment struct {
	text    string
	version string // of all that the text says; the names of its servers begin with it
}

const (
	marker    = "# wright: " // before the comment of the first line
	maxHeader = 4 << 20      // bytes
)

// checkPath takes what needs no quoting in a configuration.
var checkPath = regexp.MustCompile(`^/[A-Za-z0-9/._~!&=?:@+,;-]{0,500}$`)

// newRoute reads what is wanted. It checks again what must not break out of its
// line in a configuration.
func newRoute(s balancer.Spec, resolvers string) (route, options, error) {
	var o options
	name, err := normal(s.Name)
	if err == nil {
		err = plugins.ReadConfig(s.Config, &o)
	}
	if err != nil {
		return route{}, o, err
	}
	if o.Check != "" && !checkPath.MatchString(o.Check) {
		return route{}, o, plugins.Invalidf("config.check", "%.80q is no path such as /healthz", o.Check)
	}
	if t := time.Duration(o.Timeout); t < 0 || t > 24*time.Hour || t > 0 && t < time.Millisecond {
		return route{}, o, plugins.Invalidf("config.timeout", "%v is not between 1ms and 24h", t)
	}
	r := route{Name: name, Tags: s.Tags}
	for i, t := range s.Targets {
		if err := checkTarget(fmt.Sprintf("targets[%d].address", i), t.Address, resolvers); err != nil {
			return r, o, err
		}
		r.Targets = append(r.Targets, target(t))
	}
	return r, o, nil
}

func checkTarget(field, address, resolvers string) error {
	a, err := netip.ParseAddr(address)
	switch {
	case err == nil && a.Zone() != "":
		return plugins.Errorf(plugins.Unsupported, "%s: addresses with a zone such as %.80q are not taken", field, address)
	case err == nil:
		return nil
	case resolvers == "":
		return plugins.Errorf(plugins.Unsupported, "%s: %.80q is a host name, and settings.resolvers says nobody who would resolve it", field, address)
	}
	return plugins.CheckHost(field, address)
}

// normal is the form in which names are compared and written.
func normal(name string) (string, error) {
	if err := dns.CheckDomain(name); err != nil {
		return "", plugins.Invalidf("name", "%w", err)
	}
	return strings.ToLower(strings.TrimSuffix(name, ".")), nil
}

// backendOf is the name of a route's backend. Of a wildcard it begins with the
// dot, which is what a main configuration looks for.
func backendOf(name string) string { return "wright:" + strings.TrimPrefix(name, "*") }

// fileOf is the name of a route's file. Long names are shortened, and keep a
// hash; none of them is as short as those that stay whole.
func fileOf(name string) string {
	const whole, part = 180, 120
	if len(name) > whole {
		sum := sha256.Sum256([]byte(name))
		name = name[:part] + "-" + hex.EncodeToString(sum[:])
	}
	return "wright-" + strings.TrimPrefix(name, "*") + ".cfg"
}

// render writes the file of a route.
func render(r route, o options, resolvers string) (fragment, error) {
	about, err := json.Marshal(r)
	if err != nil {
		return fragment{}, fmt.Errorf("describe the route %s: %w", r.Name, err)
	}
	var head, tail strings.Builder
	_, _ = fmt.Fprintf(&head, "%s%s\n# Written by wright-balancer-haproxy, which also takes it away: leave it as it is.\n", marker, about)
	_, _ = fmt.Fprintf(&head, "backend %s\n  mode http\n  balance %s\n", backendOf(r.Name), o.balance())
	if o.Timeout > 0 {
		_, _ = fmt.Fprintf(&head, "  timeout server %dms\n", time.Duration(o.Timeout).Milliseconds())
	}
	if o.Check != "" {
		_, _ = fmt.Fprintf(&head, "  option httpchk GET %s\n  default-server check inter 2s\n", o.Check)
	}
	sum := sha256.Sum256([]byte(head.String() + resolvers))
	version := "w" + hex.EncodeToString(sum[:8])
	for i, t := range r.Targets {
		_, _ = fmt.Fprintf(&tail, "  server %s-%d %s\n", version, i+1, t.server(resolvers))
	}
	return fragment{text: head.String() + tail.String(), version: version}, nil
}

func (o options) balance() string {
	if o.Balance == "" {
		return "roundrobin"
	}
	return o.Balance
}

// server is what stands behind the name in a server line. HAProxy starts whether
// or not a host name can be resolved.
func (t target) server(resolvers string) string {
	if a, err := netip.ParseAddr(t.Address); err == nil {
		family := "ipv6@"
		if a.Is4() {
			family = "ipv4@"
		}
		return family + a.String() + ":" + strconv.Itoa(t.Port)
	}
	return net.JoinHostPort(strings.TrimSuffix(t.Address, "."), strconv.Itoa(t.Port)) + " resolvers " + resolvers + " init-addr last,none"
}

// parse reads whose a file is; an error means that it is none of the provider's.
func parse(text []byte) (route, error) {
	line, _, _ := strings.Cut(string(text[:min(len(text), maxHeader)]), "\n")
	about, ok := strings.CutPrefix(line, marker)
	if !ok {
		return route{}, errors.New("it does not begin as the files of this provider do")
	}
	var r route
	if err := json.Unmarshal([]byte(about), &r); err != nil {
		return route{}, fmt.Errorf("read its first line: %w", err)
	}
	if name, err := normal(r.Name); err != nil || name != r.Name || r.Tags[plugins.InstallationTag] == "" {
		return route{}, errors.New("its first line names no route and owner")
	}
	return r, nil
}

// public is the route as callers see it.
func (r route) public() balancer.Route {
	out := balancer.Route{Name: r.Name, Tags: r.Tags}
	for _, t := range r.Targets {
		out.Targets = append(out.Targets, balancer.Target(t))
	}
	return out
}
