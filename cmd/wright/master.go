package main

import (
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master"
)

// masterFlags are what master run and dev have in common.
type masterFlags struct {
	data, manifests, listen, tokenFile string
	endpoints                          []string
	poll, agentLease                   time.Duration
}

func (f *masterFlags) define(cmd *cobra.Command, data string, poll time.Duration) {
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", data, "`DIR` for everything that is kept")
	flags.StringVar(&f.manifests, "manifests", "manifests", "`DIR` with one manifest per instance")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`HOST:PORT` of the pages, the API and the agents")
	flags.DurationVar(&f.poll, "poll", poll, "how often each remote is asked")
	flags.DurationVar(&f.agentLease, "agent-lease", 30*time.Second, "silence after which an agent counts as gone and its builds are tried elsewhere")
	_ = cmd.MarkFlagDirname("data")
	_ = cmd.MarkFlagDirname("manifests")
}

// minLease leaves an agent time for three words within its lease.
const minLease = 3 * time.Second

// config checks the flags.
func (f *masterFlags) config(a *app) (cfg master.Config, err error) {
	if _, _, err := net.SplitHostPort(f.listen); err != nil {
		return cfg, usage("--listen %q is not HOST:PORT", f.listen)
	}
	if f.poll < 100*time.Millisecond {
		return cfg, usage("--poll %s is too often: at least 100ms", f.poll)
	}
	if f.agentLease < minLease || f.agentLease%time.Second != 0 {
		return cfg, usage("--agent-lease %s: whole seconds, at least %s", f.agentLease, minLease)
	}
	cfg = master.Config{
		Listen: f.listen, Poll: f.poll, AgentLease: f.agentLease, EtcdEndpoints: f.endpoints, Version: thisVersion().Version, Log: a.logger(),
	}
	if cfg.Data, err = filepath.Abs(f.data); err != nil {
		return cfg, fmt.Errorf("find the data directory: %w", err)
	}
	if cfg.Manifests, err = filepath.Abs(f.manifests); err != nil {
		return cfg, fmt.Errorf("find the manifests: %w", err)
	}
	if f.tokenFile != "" {
		cfg.Token, err = readToken(f.tokenFile)
	}
	return cfg, err
}

func (a *app) masterRun() *cobra.Command {
	var f masterFlags
	cmd := &cobra.Command{
		Use: "run", Short: "run a master", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.tokenFile = a.tokenFile
			cfg, err := f.config(a)
			if err != nil {
				return err
			}
			cfg.Ready = func(address string) { fmt.Fprintln(a.stdout, "ready", address) }
			return stopped(cmd.Context(), master.Run(cmd.Context(), cfg))
		},
	}
	f.define(cmd, "wright-data", time.Minute)
	cmd.Flags().StringSliceVar(&f.endpoints, "etcd-endpoints", nil, "`URLs` of an etcd cluster (default: embedded)")
	return cmd
}
