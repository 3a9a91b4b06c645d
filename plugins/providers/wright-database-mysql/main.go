// Command wright-database-mysql is the database provider "mysql": it makes
// databases at MariaDB and MySQL servers, each with a user that may do anything in
// it and nothing else. What was made is written down by package ledger, at the
// server itself.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/ledger"
)

const port = 3306

func main() {
	p := database.Plugin("mysql", "", &provider{})
	p.Doc = "Makes databases at one or several MariaDB or MySQL servers, each with a user of its own that may do anything in it and nothing else. " +
		"A persistent one belongs to its instance and its name and is never dropped here. " +
		"What was made is written down at the server, so that any agent finds it. " +
		"Neither the server's logs nor its list of processes see a password."
	p.Settings = ledger.Fields(port)
	p.Config = ledger.Config()
	plugins.Serve(p)
}
