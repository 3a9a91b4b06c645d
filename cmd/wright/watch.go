package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) watch() *cobra.Command {
	return group("watch", "what starts builds when it moves", a.watchList())
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
				head:  []string{"INSTANCE", "ORIGIN", "REF", "REVISION", "CHECKED", "URL", "ERROR"},
				empty: "nothing is watched",
			}
			for _, w := range all {
				t.row(w.Instance, w.Origin, w.Ref, short(w.Revision), ago(w.CheckedAt), w.URL, w.Error)
			}
			return a.print(all, t)
		},
	}
}

func (a *app) change() *cobra.Command {
	return group("change", "movements of what is watched", a.changeSend())
}

func (a *app) changeSend() *cobra.Command {
	return &cobra.Command{
		Use: "send URL", Short: "have the master look at a watched remote now", Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := c.SendChange(cmd.Context(), args[0]); err != nil {
				return err
			}
			if a.format == "json" {
				return a.printJSON(map[string]string{"url": args[0]})
			}
			fmt.Fprintln(a.stderr, "the master looks at it now")
			return nil
		},
	}
}
