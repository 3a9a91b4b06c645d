package assign

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/wright-build/wright/manifests"
)

// Offer is what an agent can do: capabilities, plugins, and the pools it is of.
type Offer struct {
	capabilities map[string][]capability // by name
	plugins      map[string]bool         // "plugin:cloud/process"
	pools        []string
}

// capability is "postgresql 15.4 port=5433" taken apart.
type capability struct {
	value   string           // "15.4"
	version *version.Version // value read as a version, nil if it is none
	options []string         // "port=5433"
}

// NewOffer reads an agent's capabilities ("postgresql 15.4 port=5433"), plugins
// ("cloud/process 0.1.0") and pools.
func NewOffer(capabilities, plugins, pools []string) Offer {
	o := Offer{capabilities: map[string][]capability{}, plugins: map[string]bool{}, pools: pools}
	for _, text := range capabilities {
		if fields := strings.Fields(text); len(fields) > 0 {
			o.capabilities[fields[0]] = append(o.capabilities[fields[0]], newCapability(fields[1:]))
		}
	}
	for _, p := range plugins {
		name, _, _ := strings.Cut(p, " ")
		o.plugins["plugin:"+name] = true
	}
	return o
}

func newCapability(fields []string) capability {
	var c capability
	for i, f := range fields {
		switch {
		case strings.Contains(f, "="):
			c.options = append(c.options, f)
		case i == 0:
			c.value = f
			if v, err := version.NewVersion(f); err == nil {
				c.version = v
			}
		}
	}
	return c
}

// meets says whether one of the capability's versions meets all that is
// required of it, and which; the newest is taken.
func (o Offer) meets(name string, all []condition) (best capability, ok bool) {
	for _, c := range o.capabilities[name] {
		if c.meets(all) && (!ok || newer(c, best)) {
			best, ok = c, true
		}
	}
	return best, ok
}

func newer(a, b capability) bool {
	return a.version != nil && (b.version == nil || a.version.GreaterThan(b.version))
}

func (c capability) meets(all []condition) bool {
	for _, want := range all {
		switch {
		case want.Value != "":
			if (c.value == want.Value) == want.Not {
				return false
			}
		case want.versions != nil:
			if c.version == nil || !want.versions.Check(c.version) {
				return false
			}
		}
	}
	return true
}

// condition is a requirement that is ready to be compared.
type condition struct {
	manifests.Requirement
	versions version.Constraints // nil: any
}

// Variables tells a build what it gets of that which it requires: the version
// as WRIGHT_CAP_POSTGRESQL, the option port as WRIGHT_CAP_POSTGRESQL_PORT.
func (o Offer) Variables(requires []string) map[string]string {
	vars := map[string]string{}
	n := newNeeds(requires)
	for _, name := range slices.Sorted(maps.Keys(n.conditions)) {
		c, ok := o.meets(name, n.conditions[name])
		if !ok {
			continue
		}
		if c.value != "" {
			vars["WRIGHT_CAP_"+variable(name)] = c.value
		}
		for _, option := range c.options {
			key, value, _ := strings.Cut(option, "=")
			vars["WRIGHT_CAP_"+variable(name)+"_"+variable(key)] = value
		}
	}
	return vars
}

// variable makes the name of an environment variable.
func variable(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}
