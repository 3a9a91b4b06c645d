// Command wright-database-mongodb is the database provider "mongodb": a database
// with a user of its own. Who uses which is the business of package notes; its notes
// are the custom data of the users, and a collection for the uses of persistent ones.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/servers"
)

func main() {
	p := database.Plugin("mongodb", "", &provider{})
	p.Doc = "Makes databases of MongoDB, each with a user that may read, write and manage it and nothing else. " +
		"Whose they are stands in the custom data of the users, so that every agent finds them."
	p.Settings = servers.Fields(port, more()...)
	p.Config = plugins.Schema{servers.Named()}
	plugins.Serve(p)
}

func more() plugins.Schema {
	return plugins.Schema{
		{Name: "auth-source", Default: "admin", Doc: "The database in which the administrator is a user."},
		{Name: "replica-set", Doc: "The name of the replica set that the server is a member of; the others are found by it.", Example: "rs0"},
	}
}
