package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/wright-build/wright/agent"
	"github.com/wright-build/wright/master"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// dev is a master and its agents in one process.
type dev struct {
	app    *app
	master masterFlags
	agents int
	slots  int
	offers offers
}

func (a *app) dev() *cobra.Command {
	d := dev{app: a}
	cmd := &cobra.Command{
		Use: "dev", Short: "run everything on this machine", Args: arguments, PreRun: a.lasting(masterBallast),
		Long: "Run a master and agents on this machine, until Ctrl-C. Other commands find it by themselves.",
		RunE: func(cmd *cobra.Command, _ []string) error { return stopped(cmd.Context(), d.run(cmd.Context())) },
	}
	d.master.define(cmd, "wright-data", 5*time.Second)
	cmd.Flags().IntVar(&d.agents, "agents", 1, "so many agents")
	d.offers.define(cmd)
	cmd.Flags().IntVar(&d.slots, "slots", runtime.NumCPU(), "builds at the same time, for each agent")
	return cmd
}

func (d *dev) run(ctx context.Context) error {
	if d.agents < 0 || d.agents > 100 || d.slots < 1 {
		return usage("--agents %d --slots %d: 0 to 100 agents with at least one slot", d.agents, d.slots)
	}
	d.master.tokenFile = d.app.tokenFile
	cfg, err := d.master.config(d.app)
	if err != nil {
		return err
	}
	cfg.Settings.Hosts.Loopback, cfg.Settings.Notify.Hosts.Loopback = true, true // where people try things out
	ready := make(chan string, 1)
	cfg.Ready = func(address string) { ready <- address }
	serving, stop := context.WithCancel(context.WithoutCancel(ctx)) // the agents leave first
	defer stop()
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return master.Run(serving, cfg) })
	all.Go(func() error {
		defer stop()
		if err := d.offers.find(ctx); err != nil {
			return err
		}
		select {
		case address := <-ready:
			return d.surround(ctx, cfg, address)
		case <-ctx.Done():
			return nil
		}
	})
	return all.Wait()
}

// surround runs the agents of a master that serves, and tells where it is.
func (d *dev) surround(ctx context.Context, cfg master.Config, address string) error {
	at := place{Address: address, Token: cfg.Token}
	all, ctx := errgroup.WithContext(ctx)
	for i := range d.agents {
		all.Go(func() error { return d.runAgent(ctx, cfg, at, fmt.Sprintf("dev-%d", i+1)) })
	}
	if err := awaitAgents(ctx, at, d.agents); err != nil {
		return cmp.Or(all.Wait(), err) // an agent's own error says more
	}
	forget := announce(at, cfg.Log)
	defer forget()
	fmt.Fprintln(d.app.stdout, "ready", address)
	<-ctx.Done()
	return all.Wait()
}

func (d *dev) runAgent(ctx context.Context, cfg master.Config, at place, name string) error {
	c := agent.Config{
		Address: at.Address, Token: at.Token, Name: name, Slots: d.slots, Data: filepath.Join(cfg.Data, "agents", name),
		// The agents share one hosts file, so that a name leads to one server.
		Providers: map[string]map[string]any{"dns-hosts": {"file": filepath.Join(cfg.Data, "hosts")}},
		Version:   cfg.Version, Log: cfg.Log.With("agent", name),
	}
	if err := errors.Join(d.offers.apply(&c), superviseWith(&c)); err != nil {
		return err
	}
	return agent.Run(ctx, c)
}

// awaitAgents waits until so many agents are connected.
func awaitAgents(ctx context.Context, at place, want int) error {
	c, err := client.New(at.Address, at.Token)
	if err != nil {
		return err
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		all, err := c.Agents(ctx)
		gone := func(a view.Agent) bool { return !a.Connected() }
		if err == nil && len(slices.DeleteFunc(all, gone)) >= want {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// announce writes the file by which other commands find this wright dev, and
// returns what removes it. It is a convenience: without it, --address is needed.
func announce(at place, log *slog.Logger) (forget func()) {
	file, err := devFile()
	if err == nil {
		err = writePrivate(file, at)
	}
	if err != nil {
		log.Warn("other commands will not find this wright dev by themselves", "error", err)
		return func() {}
	}
	return func() {
		var now place
		if text, err := readSmall(file); err == nil && json.Unmarshal(text, &now) == nil && now == at {
			_ = os.Remove(file)
		}
	}
}

// writePrivate replaces a file atomically; only this user may read it.
func writePrivate(file string, v any) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".dev-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
