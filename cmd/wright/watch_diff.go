package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/view"
)

func (a *app) watchDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff INSTANCE [BUILD [BUILD]]", Short: "show what the last reports of builds changed", Args: arguments,
		ValidArgsFunction: a.completeInstances,
		Long: "Show what a build reported that the one before did not, and the other way round: the last two builds that\n" +
			"reported completely; or the build named and the one before it; or, of two builds named, the second against the first.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			old, fresh := "", ""
			switch len(args) {
			case 2:
				fresh = args[1]
			case 3:
				old, fresh = args[1], args[2]
			}
			d, err := c.WatchDiff(cmd.Context(), args[0], old, fresh)
			if err != nil {
				return err
			}
			return a.print(d, diffTable(d))
		},
	}
}

func diffTable(d view.WatchDiff) table {
	t := table{head: []string{"CHANGE", "BUILD", "REF", "FROM", "URL"}, empty: "the report of " + d.New + " lists what that of " + d.Old + " does"}
	if d.Old == "" {
		t.empty = fmt.Sprintf("%s is the first that reported completely, and it lists nothing", d.New)
	}
	for _, w := range d.Added {
		t.row("added", d.New, w.Ref, w.From, w.URL)
	}
	for _, w := range d.Removed {
		t.row("removed", d.Old, w.Ref, w.From, w.URL)
	}
	for _, w := range d.Moved {
		t.row("moved", d.New, w.Ref, w.Was+" -> "+w.From, w.URL)
	}
	return t
}
