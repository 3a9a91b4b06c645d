package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) hook() *cobra.Command {
	return group("hook", "who may tell the master of changes", a.hookList())
}

func (a *app) hookList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list the hooks and how their deliveries went", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Hooks(cmd.Context())
			if err != nil {
				return err
			}
			t := table{
				head:  []string{"HOOK", "KIND", "DELIVERIES", "LAST", "REFUSED", "LAST REFUSED", "ADDRESS", "ERROR"},
				empty: "there are no hooks: write [[hook]] tables into the master's configuration",
			}
			for i, h := range all {
				all[i].Address = c.Address() + h.Address
				t.row(h.Name, h.Kind, fmt.Sprint(h.Deliveries), ago(h.LastDeliveryAt), fmt.Sprint(h.Refused), ago(h.LastErrorAt), all[i].Address, h.LastError)
			}
			return a.print(all, t)
		},
	}
}
