package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/view"
)

func (a *app) agentList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list the connected agents", Args: arguments,
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
		head:  []string{"AGENT", "STATE", "RUNNING", "SLOTS", "VERSION", "CONNECTED", "CAPABILITIES", "PLUGINS"},
		empty: "no agent is connected: start one with wright agent run",
	}
	for _, g := range all {
		t.row(g.Name, g.State, fmt.Sprint(g.Running), fmt.Sprint(g.Slots), g.Version, ago(g.ConnectedAt),
			strings.Join(g.Capabilities, ", "), strings.Join(g.Plugins, ", "))
	}
	return t
}

func (a *app) agentDrain() *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use: "drain AGENT", Short: "give an agent no more work", Args: arguments, ValidArgsFunction: a.completeAgents,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			g, err := c.Drain(cmd.Context(), args[0], !undo)
			if err != nil {
				return err
			}
			return a.print(g, agentTable([]view.Agent{g}))
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "give it work again")
	return cmd
}
