// Command wright-database-redis is the database provider "redis": a database is a
// prefix of keys and channels with a user of its own that sees nothing else. Who
// uses which is the business of package notes; its notes are in a hash of the
// server's, written in one transaction with the user.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/servers"
)

func main() {
	p := database.Plugin("redis", "", &provider{})
	p.Doc = "Makes users of Redis (7 or newer) or Valkey, each with a prefix of its own: its program may do with keys and channels that begin with it whatever it likes, and sees no others. " +
		"The prefix is in the variable `PREFIX`; the program must begin every key with it."
	p.Settings = servers.Fields(port, more()...)
	p.Config = plugins.Schema{servers.Named()}
	plugins.Serve(p)
}

func more() plugins.Schema {
	return plugins.Schema{
		{Name: "save", Default: saveFile, OneOf: []string{saveFile, saveConfig, saveNothing},
			Doc: "How users outlive a restart of the server: `acl-file` with its `aclfile` (ACL SAVE), `config` in its configuration (CONFIG REWRITE), `nothing` not at all."},
		{Name: "scan", Type: plugins.TypeBoolean, Default: false,
			Doc: "Whether users may SCAN. It shows them the names of all keys at the server, but no values."},
	}
}
