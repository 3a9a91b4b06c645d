package main

import (
	"fmt"
	"os"
	"time"

	"github.com/wright-build/wright/agent/process"
)

// superviseArg makes this binary the supervisor of an agent's steps. It is
// looked at before anything else: supervisors start often and must be small.
const superviseArg = "internal-supervise"

// linger is how long a supervisor without steps and agent stays.
const linger = 30 * time.Second

func supervise(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "wright: "+superviseArg+" is what an agent starts; it takes one directory")
		return exitUsage
	}
	if err := process.Supervise(args[0], linger); err != nil {
		fmt.Fprintln(os.Stderr, "wright:", err)
		return exitFailed
	}
	return exitDone
}
