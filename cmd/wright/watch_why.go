package main

import "github.com/spf13/cobra"

func (a *app) watchWhy() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "why URL", Short: "tell who watches a remote, and why", Args: arguments,
		Long: "Tell which instances watch a remote, whichever way its URL is written: whether their source, their manifest or a\n" +
			"build's report says so (ORIGIN), where that is written (FROM), and since which build it was reported (SINCE).\n" +
			"Fails if nobody watches it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Why(cmd.Context(), args[0], ref)
			if err != nil {
				return err
			}
			t := table{head: []string{"INSTANCE", "ORIGIN", "REF", "FROM", "SINCE", "URL", "ERROR"}}
			for _, r := range all {
				t.row(r.Instance, r.Origin, r.Ref, r.From, r.Since, r.URL, r.Error)
				for _, also := range r.Also {
					t.row("", "also "+also.Origin, "", also.From, also.Since, also.URL, "")
				}
			}
			return a.print(all, t)
		},
	}
	cmd.Flags().StringVar(&ref, "ref", "", "only this `REF`, such as main or refs/tags/v1")
	return cmd
}
