package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

func (a *app) instance() *cobra.Command {
	return group("instance", "what the manifests describe, and how it fares",
		a.instanceList(), a.instanceShow(), a.instanceArchive(), a.instanceDelete(), a.instanceRedeploy())
}

func (a *app) instanceList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list the instances", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Instances(cmd.Context())
			if err != nil {
				return err
			}
			t := table{
				head:  []string{"INSTANCE", "STATE", "LAST BUILD", "WHEN", "APPSERVER", "WATCHES", "ERRORS"},
				empty: "there are no instances: write a manifest into the master's directory of manifests",
			}
			for _, i := range all {
				t.row(i.Name, i.State, i.LastBuild, ago(i.LastBuildAt), i.Address, fmt.Sprint(i.Watches), fmt.Sprint(len(i.Errors)))
			}
			return a.print(all, t)
		},
	}
}

func (a *app) instanceShow() *cobra.Command {
	return &cobra.Command{
		Use: "show INSTANCE", Short: "show one instance", Args: arguments, ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneInstance(func(c *client.Client) (view.Instance, error) { return c.Instance(cmd.Context(), args[0]) })
		},
	}
}

func (a *app) oneInstance(ask func(*client.Client) (view.Instance, error)) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	i, err := ask(c)
	if err != nil {
		return err
	}
	var t table
	t.row("instance", i.Name)
	t.row("state", i.State)
	t.row("waits", i.Waiting)
	t.row("in force", yesNo(i.InForce))
	t.row("manifest", inRepo(i.Manifest))
	t.row("committed", strings.TrimSpace(i.Manifest.By()+"  "+ago(i.Manifest.CommittedAt)))
	t.row("last build", strings.TrimSpace(i.LastBuild+"  "+ago(i.LastBuildAt)))
	t.row("last success", i.LastSuccess)
	t.row("appserver", i.ActiveAppServer)
	t.row("address", i.Address)
	t.row("url", i.URL)
	t.row("watches", fmt.Sprint(i.Watches))
	for _, e := range i.Errors {
		t.row("error", e)
	}
	return a.print(i, t)
}

func (a *app) instanceArchive() *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use: "archive INSTANCE", Short: "put an instance away: it is built no more", Args: arguments,
		ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneInstance(func(c *client.Client) (view.Instance, error) {
				return c.Archive(cmd.Context(), args[0], !undo)
			})
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "take it out again")
	return cmd
}

func (a *app) instanceDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete INSTANCE", Short: "forget an instance that has no manifest any more, with its history and its logs",
		Long: "Forget an instance, with the history and the logs of its builds. Remove its manifest, cancel its builds and terminate its\n" +
			"AppServers first. Persistent databases stay.",
		Args: arguments, ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return c.Delete(cmd.Context(), args[0])
		},
	}
}

func (a *app) instanceRedeploy() *cobra.Command {
	var w waiting
	cmd := &cobra.Command{
		Use: "redeploy INSTANCE", Short: "build anew, at the same revision, what is active", Args: arguments,
		ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.started(cmd.Context(), w, func(c *client.Client) (view.Build, error) {
				return c.Redeploy(cmd.Context(), args[0])
			})
		},
	}
	w.flags(cmd)
	return cmd
}
