package main

import (
	"github.com/spf13/cobra"

	"github.com/wright-build/wright/agent/rest"
	"github.com/wright-build/wright/plugins/timerslack"
)

// running lists the nouns whose verbs run for long, beside others.
func (a *app) running() []*cobra.Command {
	return []*cobra.Command{
		a.dev(),
		group("master", "the part that watches, schedules and answers", a.masterRun(), a.masterBackup(), a.masterRestore(), a.masterMove()),
		group("agent", "the part that builds", a.agentRun(), a.agentList(), a.agentDrain()),
	}
}

// The memory that a process at work may well take, in bytes: its collector runs
// less often then, which makes a tenth more short builds.
const (
	masterBallast = 40 << 20
	agentBallast  = 8 << 20
)

// lasting makes this the process of a command that runs until it is told to end.
func (a *app) lasting(ballast int) func(*cobra.Command, []string) {
	return func(*cobra.Command, []string) {
		if err := timerslack.Widen(); err != nil {
			a.logger().Debug("leaving timers as they are, which costs speed", "error", err)
		}
		rest.Ballast(ballast)
	}
}
