package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"github.com/wright-build/wright/agent"
	"github.com/wright-build/wright/agent/capability"
	"github.com/wright-build/wright/agent/room"
	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/plugins/host"
)

// offers are the flags for what agents offer.
type offers struct {
	capabilities []string
	file         string
	detect       bool
	pools        []string
	plugins      []string
	locked       bool
	memory       int64
	processes    int
	providers    string
	cache        string
	cacheAge     time.Duration
	minFree      string
}

func (o *offers) define(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.capabilities, "capability", nil, "`OFFER` of this host, such as \"postgresql 15.4 port=5433\"; may be repeated")
	f.StringVar(&o.file, "capabilities", "", "`FILE` of further offers of this host, one in each line")
	f.BoolVar(&o.detect, "detect", true, "offer what is found here too: system, architecture, programs such as git and docker with their versions")
	f.StringArrayVar(&o.pools, "pool", nil, "take only builds for the pool `NAME`; may be repeated")
	f.StringArrayVar(&o.plugins, "plugins", defaultPlugins(), "`DIR` with provider plugins; may be repeated")
	f.StringVar(&o.providers, "providers", "", "TOML `FILE` with settings of providers, such as file = \"/etc/hosts\" in a table [dns-hosts]")
	f.BoolVar(&o.locked, "plugins-locked", false, "launch only plugins that a plugins.lock in their directory names; see wright plugin lock")
	f.Int64Var(&o.memory, "plugin-memory", 1024, "`MIB` of memory that a plugin may use")
	f.IntVar(&o.processes, "plugin-processes", 256, "how `MANY` processes a plugin may have")
	f.StringVar(&o.cache, "cache", "10GiB", "`SIZE` of what is kept of fetched repositories for later builds; 0 for nothing")
	f.DurationVar(&o.cacheAge, "cache-age", 14*24*time.Hour, "how long it is kept after its last use")
	f.StringVar(&o.minFree, "min-free", "5%,1GiB", "`MARK`, the smaller of the two: no build begins while less of the disk is free; 0 for none")
	_ = cmd.MarkFlagDirname("plugins")
	_ = cmd.MarkFlagFilename("capabilities")
	_ = cmd.MarkFlagFilename("providers", "toml")
}

// find completes the capabilities with what the file says and what is found here.
func (o *offers) find(ctx context.Context) error {
	for _, p := range o.pools {
		if !manifests.IsWord(p) {
			return usage("--pool %s: use letters, digits, dots and dashes, at most 63 characters", p)
		}
	}
	if _, err := capability.Parse(strings.Join(o.capabilities, "\n")); err != nil {
		return usage("--capability: %v", err)
	}
	if o.file != "" {
		text, err := readSmall(o.file)
		if err != nil {
			return fmt.Errorf("read the capabilities: %w", err)
		}
		more, err := capability.Parse(string(text))
		if err != nil {
			return usage("--capabilities %s: %v", o.file, err)
		}
		o.capabilities = append(o.capabilities, more...)
	}
	if o.detect {
		o.capabilities = append(o.capabilities, o.unsaid(capability.Detect(ctx))...)
	}
	return nil
}

// unsaid leaves out what a person has said better.
func (o *offers) unsaid(found []string) []string {
	name := func(c string) string { n, _, _ := strings.Cut(c, " "); return n }
	return slices.DeleteFunc(found, func(c string) bool {
		return slices.ContainsFunc(o.capabilities, func(said string) bool { return name(said) == name(c) })
	})
}

// apply hands the flags on; what the file says of a provider replaces what the
// configuration says.
func (o *offers) apply(cfg *agent.Config) error {
	if o.memory < 1 || o.processes < 1 {
		return usage("--plugin-memory and --plugin-processes must be at least 1")
	}
	cfg.Capabilities, cfg.Pools, cfg.Plugins = o.capabilities, o.pools, o.plugins
	if err := o.applyDisk(cfg); err != nil {
		return err
	}
	cfg.PluginsLock, cfg.PluginLimits = o.locked, host.Limits{Memory: o.memory << 20, Processes: o.processes}
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

// applyDisk sets what of the disk is used.
func (o *offers) applyDisk(cfg *agent.Config) (err error) {
	if cfg.CacheBytes, err = room.ParseBytes(o.cache); err != nil {
		return usage("--cache: %v", err)
	}
	if o.cacheAge < 0 {
		return usage("--cache-age %s: at least 0, which is for ever", o.cacheAge)
	}
	cfg.CacheAge = o.cacheAge
	if cfg.MinFree, err = room.Parse(o.minFree); err != nil {
		return usage("--min-free: %v; write 5%%, 1GiB or both as 5%%,1GiB", err)
	}
	return nil
}
