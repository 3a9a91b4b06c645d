package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

func (a *app) build() *cobra.Command {
	return group("build", "start builds, look at them, end them",
		a.buildStart(), a.buildList(), a.buildShow(), a.buildWhy(), a.buildArtifacts(), a.buildTests(), a.buildLog(), a.buildCancel(), a.buildRetry())
}

func (a *app) buildList() *cobra.Command {
	var state string
	var limit int
	cmd := &cobra.Command{
		Use: "list [INSTANCE]", Short: "list builds, the newest first", Args: arguments,
		ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Builds(cmd.Context(), first(args), state, limit)
			if err != nil {
				return err
			}
			return a.printBuilds(all)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only those in this `STATE`: queued, running, succeeded, failed, …")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many, up to 1000")
	return cmd
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (a *app) printBuilds(all []view.Build) error {
	t := table{head: []string{"BUILD", "STATE", "QUEUED", "TOOK", "AGENT", "REASON"}, empty: "there are no builds"}
	for _, b := range all {
		why := slices.Concat(b.Matrix, []string{b.Reason})
		if b.Expired {
			why = append(why, "output removed by retention")
		}
		t.row(b.ID, b.State, ago(b.QueuedAt), took(b), b.Agent, strings.Join(why, "; "))
	}
	return a.print(all, t)
}

func took(b view.Build) string {
	if b.StartedAt.IsZero() || b.FinishedAt.IsZero() {
		return ""
	}
	return span(b.FinishedAt.Sub(b.StartedAt))
}

func (a *app) buildShow() *cobra.Command {
	return &cobra.Command{
		Use: "show BUILD", Short: "show one build; an instance's name is its newest", Args: arguments,
		ValidArgsFunction: a.completeBuilds,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneBuild(func(c *client.Client) (view.Build, error) { return c.Build(cmd.Context(), args[0]) })
		},
	}
}

// oneBuild asks for a build and shows it.
func (a *app) oneBuild(ask func(*client.Client) (view.Build, error)) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	b, err := ask(c)
	if err != nil {
		return err
	}
	return a.print(b, buildTable(b))
}

func buildTable(b view.Build) table {
	var t table
	t.row("build", b.ID)
	t.row("state", b.State)
	t.row("phase", b.Phase)
	t.row("waits", b.Waiting)
	t.row("to be cancelled", b.Cancel)
	t.row("reason", b.Reason)
	t.row("for", strings.Join(b.Matrix, ", "))
	t.row("agent", b.Agent)
	t.row("attempt", fmt.Sprint(b.Attempt))
	t.row("queued", moment(b.QueuedAt))
	t.row("started", moment(b.StartedAt))
	t.row("finished", moment(b.FinishedAt))
	t.row("took", took(b))
	t.row("appserver", b.AppServer)
	t.row("error", b.Error)
	if b.Expired {
		t.row("output", "removed by retention, with the artifacts")
	}
	if b.Tests != nil {
		t.row("tests", counted(*b.Tests))
	}
	if b.Warnings > 0 {
		t.row("warnings", fmt.Sprint(b.Warnings))
	}
	if b.Flaky != "" {
		t.row("flaky", b.Flaky+" failed at the same revisions")
	}
	for _, name := range slices.Sorted(maps.Keys(b.Properties)) {
		t.row("property", name+"="+b.Properties[name])
	}
	for _, url := range slices.Sorted(maps.Keys(b.Revisions)) {
		t.row("revision", short(b.Revisions[url])+" of "+url)
	}
	for _, c := range b.Changes {
		t.row("change", c.URL+" "+c.Ref+" "+short(c.Old)+" -> "+short(c.New))
	}
	return t
}

func (a *app) buildCancel() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "cancel BUILD", Short: "end a build", Args: arguments, ValidArgsFunction: a.completeBuilds,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneBuild(func(c *client.Client) (view.Build, error) {
				return c.CancelBuild(cmd.Context(), args[0], reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that the build shows")
	return cmd
}

func (a *app) buildRetry() *cobra.Command {
	var w waiting
	cmd := &cobra.Command{
		Use: "retry BUILD", Short: "build the same revision again", Args: arguments, ValidArgsFunction: a.completeBuilds,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.started(cmd.Context(), w, func(c *client.Client) (view.Build, error) {
				return c.RetryBuild(cmd.Context(), args[0])
			})
		},
	}
	w.flags(cmd)
	return cmd
}
