package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/client"
)

func (a *app) watch() *cobra.Command {
	return group("watch", "what starts builds when it moves", a.watchFind(), a.watchList(), a.watchWhy(), a.watchDiff())
}

func (a *app) watchList() *cobra.Command {
	return &cobra.Command{
		Use: "list [INSTANCE]", Short: "list what is watched", Args: arguments, ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Watches(cmd.Context(), first(args))
			if err != nil {
				return err
			}
			t := table{
				head:  []string{"INSTANCE", "ORIGIN", "REF", "REVISION", "CHECKED", "URL", "FROM", "SINCE", "ERROR"},
				empty: "nothing is watched",
			}
			for _, w := range all {
				t.row(w.Instance, w.Origin, w.Ref, short(w.Revision), ago(w.CheckedAt), w.URL, w.From, w.Since, w.Error)
			}
			return a.print(all, t)
		},
	}
}

func (a *app) change() *cobra.Command {
	return group("change", "movements of what is watched", a.changeSend())
}

func (a *app) changeSend() *cobra.Command {
	var ref, before, after, message string
	cmd := &cobra.Command{
		Use: "send URL", Short: "tell the master that a watched remote moved, or have it look", Args: arguments,
		Long: "Without --before and --after the master looks at the remote now. With them it takes the movement for true\n" +
			"if it begins where the ref is known to be, so that a hook of a git server starts a build at once:\n" +
			"while read before after ref; do wright change send URL --ref $ref --before $before --after $after; done\n" +
			"Unless --message tells it the master looks at what the commit says, since that may be [skip ci].",
		RunE: func(cmd *cobra.Command, args []string) error {
			change := client.Change{URL: args[0], Ref: ref}
			if cmd.Flags().Changed("before") != cmd.Flags().Changed("after") || cmd.Flags().Changed("after") && ref == "" {
				return usage("--ref, --before and --after belong together")
			}
			if cmd.Flags().Changed("before") {
				change.Before, change.After = &before, &after
			}
			if cmd.Flags().Changed("message") {
				change.Message = &message
			}
			return a.sendChange(cmd.Context(), change)
		},
	}
	cmd.Flags().StringVar(&ref, "ref", "", "`REF` that moved, a branch or a full name such as refs/tags/v1 (default: any)")
	cmd.Flags().StringVar(&before, "before", "", "`COMMIT` where it was; zeros: it was not there")
	cmd.Flags().StringVar(&after, "after", "", "`COMMIT` where it is; zeros: it is not there any more")
	cmd.Flags().StringVar(&message, "message", "", "`TEXT` of the commit --after, which the master has to look for otherwise: it may say [skip ci]")
	return cmd
}

func (a *app) sendChange(ctx context.Context, change client.Change) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	sent, err := c.SendChange(ctx, change)
	if err != nil {
		return err
	}
	if a.format == "json" {
		return a.printJSON(sent)
	}
	if sent.Result == "recorded" {
		fmt.Fprintln(a.stderr, "the master takes it for true")
	} else {
		fmt.Fprintln(a.stderr, "the master looks at it now")
	}
	return nil
}
