package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/view"
)

// buildWaits is what `build why -o json` prints.
type buildWaits struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Waits string `json:"waits"` // for what; "": for nothing
}

func (a *app) buildWhy() *cobra.Command {
	return &cobra.Command{
		Use: "why BUILD", Short: "say what a build waits for, and what would let it go", Args: arguments,
		Long: "Say in one sentence what a build waits for, and so what would let it go. An instance's\n" +
			"name is its newest build.",
		ValidArgsFunction: a.completeBuilds,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			b, err := c.Build(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var t table
			t.row(b.ID, waitsFor(b))
			return a.print(buildWaits{b.ID, b.State, b.Waiting}, t)
		},
	}
}

// waitsFor says it of builds in every state.
func waitsFor(b view.Build) string {
	switch {
	case b.Waiting != "":
		return "waits: " + b.Waiting
	case b.State == "queued":
		return "is given to an agent at this moment"
	case b.FinishedAt.IsZero():
		return fmt.Sprintf("waits for nothing: it is %s on %s", b.State, b.Agent)
	case b.Error != "":
		return fmt.Sprintf("waits for nothing: it has %s: %s", b.State, b.Error)
	}
	return fmt.Sprintf("waits for nothing: it has %s", b.State)
}
