package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/view"
)

func (a *app) reaping() *cobra.Command {
	return group("reap", "what providers hold and nobody owns", a.reapList(), a.reapPlaces(), a.reapRun())
}

func (a *app) reapList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list what nobody owns, since when and where", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Unowned(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(all, unownedTable(all))
		},
	}
}

func unownedTable(all []view.Unowned) table {
	t := table{
		head:  []string{"KIND", "PROVIDER", "TOKEN", "STATE", "SINCE", "CREATED", "INSTANCE", "AGENTS", "ERROR"},
		empty: "everything that providers hold is somebody's; wright reap places shows when they were asked",
	}
	for _, u := range all {
		t.row(u.Kind, u.Provider, u.Token, u.State, ago(u.Since), ago(u.CreatedAt), u.Instance, strings.Join(u.Agents, ", "), u.Error)
	}
	return t
}

func (a *app) reapPlaces() *cobra.Command {
	return &cobra.Command{
		Use: "places", Short: "list the providers that are asked what they hold", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.ReapPlaces(cmd.Context())
			if err != nil {
				return err
			}
			t := table{
				head:  []string{"KIND", "PROVIDER", "AGENT", "CHECKED", "LISTED", "UNOWNED", "HELD BACK", "ERROR"},
				empty: "no provider is in use at an agent that is connected",
			}
			for _, p := range all {
				t.row(p.Kind, p.Provider, p.Agent, ago(p.CheckedAt), fmt.Sprint(p.Listed), fmt.Sprint(p.Unowned), yesNo(p.HeldBack), p.Error)
			}
			return a.print(all, t)
		},
	}
}

func (a *app) reapRun() *cobra.Command {
	var provider string
	var force bool
	cmd := &cobra.Command{
		Use: "run", Short: "ask providers now, and end what is due", Args: arguments,
		Long: "Ask providers now what they hold, end what nobody has owned for long enough, and list what\n" +
			"nobody owns. With --force all that wright reap list has shown ends, also where so much is\n" +
			"unowned that nothing is reaped without a person.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if kind, name, ok := strings.Cut(provider, "/"); provider != "" && (!ok || kind == "" || name == "") {
				return usage("--provider %q is not KIND/NAME, such as cloud/openstack", provider)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Reap(cmd.Context(), provider, force)
			if err != nil {
				return err
			}
			return a.print(all, unownedTable(all))
		},
	}
	cmd.Flags().StringVar(&provider, "provider", "", "only this one, as `KIND/NAME` (default: all that manifests and AppServers name)")
	cmd.Flags().BoolVar(&force, "force", false, "end all that wright reap list has shown and that is still nobody's")
	return cmd
}
