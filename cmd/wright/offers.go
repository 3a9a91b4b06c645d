package main

import (
	"fmt"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"github.com/wright-build/wright/agent"
)

// offers are the flags for what agents offer.
type offers struct {
	capabilities []string
	plugins      []string
	providers    string
}

func (o *offers) define(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.capabilities, "capability", nil, "`OFFER` of this host, such as \"postgresql 15.4 port=5433\"; may be repeated")
	f.StringArrayVar(&o.plugins, "plugins", defaultPlugins(), "`DIR` with provider plugins; may be repeated")
	f.StringVar(&o.providers, "providers", "", "TOML `FILE` with settings of providers, such as file = \"/etc/hosts\" in a table [dns-hosts]")
	_ = cmd.MarkFlagDirname("plugins")
	_ = cmd.MarkFlagFilename("providers", "toml")
}

// apply hands the flags on; what the file says of a provider replaces what the
// configuration says.
func (o *offers) apply(cfg *agent.Config) error {
	cfg.Capabilities, cfg.Plugins = o.capabilities, o.plugins
	if o.providers == "" {
		return nil
	}
	text, err := readSmall(o.providers)
	if err != nil {
		return fmt.Errorf("read the settings of providers: %w", err)
	}
	var settings map[string]any
	if err := toml.Unmarshal(text, &settings); err != nil {
		return usage("--providers %s: %v", o.providers, err)
	}
	if cfg.Providers == nil {
		cfg.Providers = map[string]map[string]any{}
	}
	for name, v := range settings {
		table, ok := v.(map[string]any)
		if !ok {
			return usage("--providers %s: %s is no table: write tables such as [dns-hosts]", o.providers, name)
		}
		cfg.Providers[name] = table
	}
	return nil
}
