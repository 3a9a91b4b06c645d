package suite

import (
	"context"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
)

// Check is one thing that every provider of a kind must do.
type Check struct {
	Name string
	Doc  string // what the contract wants, in its own words
	Mend string // what to mend when it fails
	run  func(*T)
}

// kindChecks are the checks of a kind, and what they all need.
type kindChecks struct {
	checks []Check
	sweep  func(*T)       // removes what a check made; runs after every check, with a context of its own
	touch  func(*T) error // the cheapest call that needs the backend, such as List, at a fresh host
	// ask is that call at a process without a host; optional.
	ask func(context.Context, grpc.ClientConnInterface) error
	// exercise makes and deletes something with a process that is configured.
	exercise func(*T, *raw)
}

func ofKind(k plugins.Kind) kindChecks {
	switch k {
	case plugins.Cloud:
		return cloudKind()
	case plugins.Notifier:
		return notifierKind()
	case plugins.Runner:
		return runnerKind()
	case plugins.DNS:
		return dnsKind()
	case plugins.Balancer:
		return balancerKind()
	case plugins.Database:
		return databaseKind()
	}
	return kindChecks{}
}

// Checks lists the checks of a kind in the order in which they run.
func Checks(k plugins.Kind) []Check {
	if of := ofKind(k).checks; len(of) > 0 {
		return append(commonChecks(), of...)
	}
	return nil
}
