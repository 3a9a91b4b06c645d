package main

import (
	"time"
	_ "time/tzdata" // schedules name time zones, and not every machine knows them

	"github.com/spf13/cobra"
)

func (a *app) schedule() *cobra.Command {
	return group("schedule", "what is built next, and why", a.scheduleList())
}

func (a *app) scheduleList() *cobra.Command {
	return &cobra.Command{
		Use: "list [INSTANCE]", Short: "list when instances are built next, and why", Args: arguments, ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			instance := ""
			if len(args) > 0 {
				instance = args[0]
			}
			all, err := c.Schedule(cmd.Context(), instance)
			if err != nil {
				return err
			}
			t := table{head: []string{"INSTANCE", "NEXT", "IN", "WHY"}, empty: "no instance is in force"}
			for _, s := range all {
				t.row(s.Instance, moment(s.NextAt), ahead(s.NextAt), s.Why)
			}
			return a.print(all, t)
		},
	}
}

// ahead is how long it is until a time.
func ahead(t time.Time) string {
	switch left := time.Until(t); {
	case t.IsZero():
		return ""
	case left <= 0:
		return "now"
	default:
		return span(left)
	}
}
