// Command wright-database-postgresql is the database provider "postgresql": it
// makes databases at PostgreSQL servers, each with a user that owns it and nothing
// else. What was made is written down by package ledger, at the server itself.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/ledger"
)

const port = 5432

func main() {
	p := database.Plugin("postgresql", "", &provider{})
	p.Doc = "Makes databases at one or several PostgreSQL servers, each with a user of its own that owns it and may do nothing else. " +
		"A persistent one belongs to its instance and its name and is never dropped here. " +
		"What was made is written down at the server, so that any agent finds it. " +
		"Neither the server's log nor its list of activity sees a password."
	p.Settings = ledger.Fields(port)
	p.Config = ledger.Config()
	plugins.Serve(p)
}
