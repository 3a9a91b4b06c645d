package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/agent"
)

func (a *app) agentRun() *cobra.Command {
	var cfg agent.Config
	var o offers
	cmd := &cobra.Command{
		Use: "run", Short: "run an agent on this machine", Args: arguments, PreRun: a.lasting(agentBallast),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(o.find(cmd.Context()), o.apply(&cfg)); err != nil {
				return err
			}
			if err := a.completeAgentConfig(&cfg); err != nil {
				return err
			}
			return stopped(cmd.Context(), agent.Run(cmd.Context(), cfg))
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Name, "name", "", "`NAME` of this agent (default: the host's)")
	f.IntVar(&cfg.Slots, "slots", runtime.NumCPU(), "builds at the same time")
	f.StringVar(&cfg.Data, "data", "wright-agent", "`DIR` for workspaces and everything that is kept")
	o.define(cmd)
	_ = cmd.MarkFlagDirname("data")
	return cmd
}

// completeAgentConfig fills in what the flags leave open.
func (a *app) completeAgentConfig(cfg *agent.Config) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	at, err := a.master()
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find the name of this host: %w", err)
	}
	cfg.Address, cfg.Token, cfg.Name = c.Address(), at.Token, cmp.Or(cfg.Name, host)
	if cfg.Slots < 1 {
		return usage("--slots %d: at least 1", cfg.Slots)
	}
	if cfg.Data, err = filepath.Abs(cfg.Data); err != nil {
		return fmt.Errorf("find the data directory: %w", err)
	}
	cfg.Log, cfg.Version = a.logger(), thisVersion().Version
	return superviseWith(cfg)
}

// superviseWith has the agent start its supervisor from this binary.
func superviseWith(cfg *agent.Config) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cfg.Supervisor = []string{self, superviseArg}
	return nil
}

// stopped is nil for what ended because it was told to.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
