package main

import "github.com/spf13/cobra"

// running lists the nouns whose verbs run for long, beside others.
func (a *app) running() []*cobra.Command {
	return []*cobra.Command{
		a.dev(),
		group("master", "the part that watches, schedules and answers", a.masterRun(), a.masterBackup(), a.masterRestore(), a.masterMove()),
		group("agent", "the part that builds", a.agentRun(), a.agentList(), a.agentDrain()),
	}
}
