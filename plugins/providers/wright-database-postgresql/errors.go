package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wright-build/wright/plugins"
)

// The conditions that mean something here; see appendix A of PostgreSQL's manual.
const (
	noSuchDatabase    = "3D000"
	duplicateDatabase = "42P04"
	dependentObjects  = "2BP01"
)

// soon is when to try again what failed for a reason that passes.
const soon = 5 * time.Second

// explain gives an error of the server its code.
func explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*plugins.Error](err); ok {
		return err
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	if connecting && stateOf(err) == noSuchDatabase { // the ledger's, which the next call makes
		return plugins.Errorf(plugins.Transient, "%w", err)
	}
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		return explainState(refusal.Code, err)
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return plugins.RetryAfter(soon, err)
	}
	return plugins.Errorf(plugins.Transient, "%w", err) // the connection: nothing else fails without a refusal
}

func explainState(state string, err error) error {
	switch state {
	case noSuchDatabase:
		return plugins.Invalidf("config.template", "%w", err)
	case "28000", "28P01", "42501", "0LP01", "0P000":
		return plugins.Errorf(plugins.Denied, "%w", err)
	case "53100", "53400", "54000":
		return plugins.Errorf(plugins.Quota, "%w", err)
	case "53200", "53300", "55006", "55P03", "57P01", "57P02", "57P03", "57P04", "58030", "25006":
		return plugins.RetryAfter(soon, err)
	case "40001", "40P01", "57014", "XX000", "23505", "58P01", "42P01":
		return plugins.Errorf(plugins.Transient, "%w", err)
	}
	if class := state[:min(2, len(state))]; class == "08" || class == "53" || class == "57" {
		return plugins.RetryAfter(soon, err)
	}
	return err
}
