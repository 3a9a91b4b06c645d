package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

func (a *app) agentList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list the agents, and why they are idle", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Agents(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(all, agentTable(all))
		},
	}
}

func agentTable(all []view.Agent) table {
	t := table{
		head:  []string{"AGENT", "STATE", "RUNNING", "SLOTS", "WHY", "VERSION", "CONNECTED", "POOLS", "CAPABILITIES", "PLUGINS"},
		empty: "no agent is connected: start one with wright agent run",
	}
	for _, g := range all {
		t.row(g.Name, g.State, fmt.Sprint(g.Running), fmt.Sprint(g.Slots), whyIdle(g, time.Now()), g.Version, ago(g.ConnectedAt),
			strings.Join(g.Pools, ", "), strings.Join(g.Capabilities, ", "), strings.Join(g.Plugins, ", "))
	}
	return t
}

// whyIdle says why an agent does not build more, and what follows from it when.
func whyIdle(g view.Agent, now time.Time) string {
	switch {
	case !g.Connected():
		return fmt.Sprintf("gone since %s: %s", span(now.Sub(g.GoneAt)), g.Why)
	case !g.Deadline.IsZero() && g.Running > 0:
		return fmt.Sprintf("%s; in %s others build it", g.Why, span(g.Deadline.Sub(now)))
	}
	return g.Why
}

// draining is what is wanted of an agent that is drained.
type draining struct {
	undo, wait bool
	deadline   time.Duration
}

func (a *app) agentDrain() *cobra.Command {
	var d draining
	cmd := &cobra.Command{
		Use: "drain AGENT", Short: "give an agent no more work", Args: arguments, ValidArgsFunction: a.completeAgents,
		Long: "Give an agent no more work, until --undo, however often it and the master are started again. What it builds it finishes.",
		Example: "  wright agent drain big-1 --wait --deadline 1h && ssh big-1 'systemctl stop wright-agent && reboot'\n" +
			"  wright agent drain big-1 --undo --wait",
		RunE: func(cmd *cobra.Command, args []string) error { return a.drainAgent(cmd.Context(), args[0], d) },
	}
	f := cmd.Flags()
	f.BoolVar(&d.undo, "undo", false, "give it work again")
	f.BoolVar(&d.wait, "wait", false, "wait until it has nothing left to build; with --undo, until it is connected")
	f.DurationVar(&d.deadline, "deadline", 0, "have others build what it has not finished after `DURATION`, such as 1h; 0: never")
	return cmd
}

func (a *app) drainAgent(ctx context.Context, name string, d draining) error {
	if d.deadline < 0 || d.undo && d.deadline > 0 {
		return usage("--deadline: a duration such as 1h, and not with --undo")
	}
	g, err := patiently(ctx, a, func(c *client.Client) (view.Agent, error) { return c.Drain(ctx, name, !d.undo, d.deadline) })
	if err != nil {
		return err
	}
	if d.wait {
		if g, err = a.awaitAgent(ctx, g, d.settled); err != nil {
			return fmt.Errorf("wait for agent %s: %w", name, err)
		}
	}
	return a.print(g, agentTable([]view.Agent{g}))
}

// settled says whether what was wanted is so; of nobody is known that there is
// nothing left to build.
func (d draining) settled(g view.Agent, known bool) bool {
	if d.undo {
		return known && g.Connected()
	}
	return !known || !g.Connected() || g.Running == 0
}

// agentLook is how often it is looked how an agent does.
const agentLook = 500 * time.Millisecond

// awaitAgent looks after an agent until it is as wanted, and says what has changed.
func (a *app) awaitAgent(ctx context.Context, g view.Agent, settled func(view.Agent, bool) bool) (view.Agent, error) {
	look := time.NewTicker(agentLook)
	defer look.Stop()
	for said, known := "", true; ; {
		if settled(g, known) {
			return g, nil
		}
		if now := cmp.Or(g.Why, g.State); now != said {
			a.note(g.Name + ": " + now)
			said = now
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return g, ctx.Err()
		}
		var err error
		if g, known, err = a.findAgent(ctx, g); err != nil {
			return g, err
		}
	}
}

// findAgent is what is known of an agent now; what was known before, if nothing
// is any more.
func (a *app) findAgent(ctx context.Context, g view.Agent) (now view.Agent, known bool, err error) {
	all, err := patiently(ctx, a, func(c *client.Client) ([]view.Agent, error) { return c.Agents(ctx) })
	for _, now := range all {
		if now.Name == g.Name {
			return now, true, nil
		}
	}
	return g, false, err
}
