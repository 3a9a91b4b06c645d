// Package balancer is the plugin kind that points names at AppServers: its
// interface, its types and both ends of its wire. It knows nothing of any
// provider, nor of DNS: that a name's requests arrive at the balancer at all is
// the dns kind's matter.
package balancer

import (
	"context"
	"fmt"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

// Provider sets routes. It is called concurrently. Errors carry the codes of
// package plugins. Tags must hold plugins.InstallationTag. Names differing only
// in case or in a dot behind are the same.
type Provider interface {
	// Set makes the name of s lead to exactly its targets, all or nothing, and
	// returns when new requests go there. A route of another installation is
	// plugins.Exists and stays as it is. One bad route never disturbs another.
	Set(ctx context.Context, s Spec) error
	// List gives every route that carries all of tags.
	List(ctx context.Context, tags map[string]string) ([]Route, error)
	// Delete takes away the route of the name that the installation in tags
	// owns. Deleting the missing is fine.
	Delete(ctx context.Context, name string, tags map[string]string) error
}

// Spec says what route is wanted.
type Spec struct {
	Name    string   // a domain name
	Targets []Target // at least one
	Tags    map[string]string
	Config  map[string]any // the provider's own table of the manifest
}

// Route is a name with what it leads to.
type Route struct {
	Name    string
	Targets []Target
	Tags    map[string]string // at least plugins.InstallationTag
}

// Target is where requests go.
type Target struct {
	Address string // host name or IP
	Port    int
}

// MaxTargets is the number of targets that one route may have.
const MaxTargets = 1000

// Validate refuses what no provider should have to cope with.
func (s Spec) Validate() error {
	if len(s.Targets) == 0 {
		return plugins.Invalidf("targets", "there is none; to take the route away delete it")
	}
	return Route{s.Name, s.Targets, s.Tags}.check()
}

// check also refuses routes that no provider may answer with.
func (r Route) check() error {
	if err := dns.CheckDomain(r.Name); err != nil {
		return plugins.Invalidf("name", "%w", err)
	}
	if len(r.Targets) > MaxTargets {
		return plugins.Invalidf("targets", "%d are too many, at most %d", len(r.Targets), MaxTargets)
	}
	for i, t := range r.Targets {
		field := fmt.Sprintf("targets[%d].", i)
		if err := plugins.CheckHost(field+"address", t.Address); err != nil {
			return err
		}
		if t.Port < 1 || t.Port > 65535 {
			return plugins.Invalidf(field+"port", "%d is no port", t.Port)
		}
	}
	return plugins.CheckTags(r.Tags)
}
