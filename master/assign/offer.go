package assign

import (
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/wright-build/wright/manifests"
)

// Offer is what an agent can do: capabilities with their versions, and plugins.
type Offer struct {
	versions map[string][]*version.Version
	has      map[string]bool
}

// NewOffer reads an agent's capabilities ("postgresql 15.4 port=5433") and
// plugins ("cloud/process 0.1.0").
func NewOffer(capabilities, plugins []string) Offer {
	o := Offer{versions: map[string][]*version.Version{}, has: map[string]bool{}}
	for _, c := range capabilities {
		fields := strings.Fields(c)
		if len(fields) == 0 {
			continue
		}
		o.has[fields[0]] = true
		if len(fields) > 1 {
			if v, err := version.NewVersion(fields[1]); err == nil {
				o.versions[fields[0]] = append(o.versions[fields[0]], v)
			}
		}
	}
	for _, p := range plugins {
		name, _, _ := strings.Cut(p, " ")
		o.has["plugin:"+name] = true
	}
	return o
}

// missing returns the first requirement that is not met, or "".
func (o Offer) missing(requires []string) string {
	for _, r := range requires {
		if !o.meets(r) {
			return r
		}
	}
	return ""
}

func (o Offer) meets(requirement string) bool {
	if strings.HasPrefix(requirement, "plugin:") {
		return o.has[requirement]
	}
	name, constraint, err := manifests.SplitRequirement(requirement)
	if err != nil {
		return false
	}
	if constraint == "" {
		return o.has[name]
	}
	c, err := version.NewConstraint(constraint)
	if err != nil {
		return false
	}
	for _, v := range o.versions[name] {
		if c.Check(v) {
			return true
		}
	}
	return false
}
