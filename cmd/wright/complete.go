package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/client"
)

// completionTime is how long a shell may be kept waiting.
const completionTime = time.Second

// completes offers what the master knows for the first argument; without a
// master, nothing.
func (a *app) completes(args []string, ask func(context.Context, *client.Client) ([]string, error), cmd *cobra.Command) ([]string, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	if len(args) > 0 {
		return nil, none
	}
	c, err := a.client()
	if err != nil {
		return nil, none
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	names, err := ask(ctx, c)
	if err != nil {
		return nil, none
	}
	return names, none
}

func (a *app) completeInstances(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completes(args, func(ctx context.Context, c *client.Client) ([]string, error) {
		all, err := c.Instances(ctx)
		return namesOf(all, err, func(i int) string { return all[i].Name + "\t" + all[i].State })
	}, cmd)
}

func (a *app) completeBuilds(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completes(args, func(ctx context.Context, c *client.Client) ([]string, error) {
		all, err := c.Builds(ctx, "", "", 100)
		return namesOf(all, err, func(i int) string { return all[i].ID + "\t" + all[i].State })
	}, cmd)
}

func (a *app) completeAppServers(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completes(args, func(ctx context.Context, c *client.Client) ([]string, error) {
		all, err := c.AppServers(ctx, "", false)
		return namesOf(all, err, func(i int) string { return all[i].ID + "\t" + all[i].State })
	}, cmd)
}

func (a *app) completeAgents(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completes(args, func(ctx context.Context, c *client.Client) ([]string, error) {
		all, err := c.Agents(ctx)
		return namesOf(all, err, func(i int) string { return all[i].Name + "\t" + all[i].State })
	}, cmd)
}

func namesOf[T any](all []T, err error, name func(int) string) ([]string, error) {
	names := make([]string, 0, len(all))
	for i := range all {
		names = append(names, name(i))
	}
	return names, err
}
