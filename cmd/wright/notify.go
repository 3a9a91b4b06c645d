package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/manifests"
)

func (a *app) notify() *cobra.Command {
	return group("notify", "who hears of builds", a.notifyList(), a.notifyTest())
}

func (a *app) notifyList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list what somebody is still to hear of, why it waits, and what was given up", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Notices(cmd.Context())
			if err != nil {
				return err
			}
			t := table{
				head:  []string{"BUILD", "EVENT", "CHANNEL", "TO", "DUE", "TRIES", "NEXT", "ERROR"},
				empty: "nothing waits: all was delivered, or nobody is to hear of anything",
			}
			for _, n := range all {
				next := "now"
				if !n.GivenUpAt.IsZero() {
					next = "given up"
				} else if !n.NextAt.IsZero() {
					next = "in " + span(time.Until(n.NextAt))
				}
				t.row(n.Build, n.Event, n.Channel, n.To, ago(n.DueAt), fmt.Sprint(n.Tries), next, n.Error)
			}
			return a.print(all, t)
		},
	}
}

func (a *app) notifyTest() *cobra.Command {
	return &cobra.Command{
		Use: "test ADDRESS", Short: "have the master send a mail that says only that it came", Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := manifests.CheckMailAddress(args[0]); err != nil {
				return usage("%v", err)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := c.TestMail(cmd.Context(), args[0]); err != nil {
				return err
			}
			if a.format == "json" {
				return a.printJSON(map[string]string{"address": args[0]})
			}
			fmt.Fprintln(a.stderr, "the mail server has taken it")
			return nil
		},
	}
}
