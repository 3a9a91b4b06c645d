// Wright is the one binary that people type: flags, wiring and output. It
// knows how to find a master and how to show what that one answers; the rules
// are all in the packages behind it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/wright-build/wright/agent/workspace/access"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == superviseArg {
		os.Exit(supervise(os.Args[2:]))
	}
	if len(os.Args) > 1 && (os.Args[1] == access.LoginVerb || os.Args[1] == access.SSHVerb) {
		os.Exit(access.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(run())
}

// run carries out the command line and returns the exit status.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends us at once
	return newApp(os.Stdout, os.Stderr).run(ctx, os.Args[1:])
}
