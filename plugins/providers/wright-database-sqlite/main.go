// Command wright-database-sqlite is the database provider "sqlite": a file per
// database. An empty file is a valid, empty SQLite database, so the provider
// needs no SQLite of its own; the program that opens the file brings it.
//
//	STATE/records/TOKEN-HASH.json          what was made, written before it is
//	STATE/records/kept-HASH.json           the same of a persistent one, whoever uses it
//	STATE/ephemeral/TOKEN-HASH/NAME.sqlite goes with its token
//	STATE/persistent/INSTANCE/NAME.sqlite  is never removed here
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
)

func main() {
	p := database.Plugin("sqlite", "", &provider{})
	p.Doc = "Makes databases of SQLite: a file for each. A persistent one belongs to its instance and its name, and its file is never removed here."
	p.Capabilities = append(p.Capabilities, plugins.ThisHost)
	p.Settings, p.Config = plugins.Schema{}, plugins.Schema{}
	plugins.Serve(p)
}
