package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/agent/autowatch"
	"github.com/wright-build/wright/agent/workspace"
)

// foundWatch is what a build would report.
type foundWatch struct {
	VCS      string `json:"vcs"`
	URL      string `json:"url"`
	Ref      string `json:"ref"`
	Revision string `json:"revision"`
	From     string `json:"from"`
}

func (a *app) watchFind() *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use: "find [DIR]", Short: "list what a build of a checkout would have watched", Args: arguments,
		Long: "Read a checkout as a build does and list what it depends on that moves. Remotes are asked whether a name is a branch or a tag, " +
			"with the logins of this user. No master is needed.",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := autowatch.Find(cmd.Context(), cmp.Or(first(args), "."), autowatch.Options{Local: true})
			if err != nil {
				return err
			}
			var refs autowatch.Refs = workspace.Remotes{}
			if offline {
				refs = unasked{}
			}
			var answers autowatch.Answers
			answers.Ask(cmd.Context(), refs, found.Remotes())
			watches, warnings := found.Watches(&answers)
			for _, w := range append(found.Warnings, warnings...) {
				fmt.Fprintln(a.stderr, "warning:", w)
			}
			all := []foundWatch{}
			t := table{head: []string{"REF", "REVISION", "URL", "FROM"}, empty: "nothing here moves"}
			for _, w := range watches {
				all = append(all, foundWatch{w.VCS, w.URL, w.Ref, w.Revision, w.From})
				t.row(w.Ref, short(w.Revision), w.URL, w.From)
			}
			return a.print(all, t)
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "ask no remote: of what is named, versions are taken for tags and the rest for branches")
	return cmd
}

// unasked stands for remotes that are not to be asked.
type unasked struct{}

// Refs is autowatch.Refs'.
func (unasked) Refs(context.Context, string, string) (map[string]string, string, error) {
	return nil, "", errors.New("--offline")
}
