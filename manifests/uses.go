package manifests

import "fmt"

// Use is one use of a provider in a manifest.
type Use struct {
	Kind     string         // "cloud", "dns", "database", …
	Provider string         // its name
	Path     string         // of the provider's own table, such as "database[2].mysql"
	Config   map[string]any // that table; nil if absent
}

// Uses lists the providers that the manifest names, in a stable order.
func (m *Manifest) Uses() []Use {
	var uses []Use
	if a := m.AppServer; a != nil {
		uses = append(uses, Use{"cloud", a.Cloud, "appserver." + a.Cloud, a.Config})
	}
	if d := m.DNS; d != nil {
		uses = append(uses, Use{"dns", d.Provider, "dns." + d.Provider, d.Config})
	}
	if b := m.Balancer; b != nil {
		uses = append(uses, Use{"balancer", b.Provider, "balancer." + b.Provider, b.Config})
	}
	if r := m.Runner; r != nil {
		uses = append(uses, Use{"runner", r.Provider, "runner." + r.Provider, r.Config})
	}
	for i, d := range m.Databases {
		uses = append(uses, Use{"database", d.Provider, fmt.Sprintf("database[%d].%s", i+1, d.Provider), d.Config})
	}
	if m.Notify == nil {
		return uses
	}
	for i, n := range m.Notify.Plugins {
		uses = append(uses, Use{"notifier", n.Provider, fmt.Sprintf("notify.plugin[%d].%s", i+1, n.Provider), n.Config})
	}
	return uses
}
