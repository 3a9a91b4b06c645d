// Command wright-database-rabbitmq is the database provider "rabbitmq": a database
// is a virtual host with a user of its own, made through the management API. Who
// uses which is the business of package notes; its notes are the descriptions of
// the virtual hosts, and global parameters for the uses of persistent ones.
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
	"github.com/wright-build/wright/plugins/database/servers"
)

func main() {
	p := database.Plugin("rabbitmq", "", &provider{})
	p.Doc = "Makes virtual hosts of RabbitMQ through the management API, each with a user that may do everything in it and nothing elsewhere. " +
		"Whose they are stands in their descriptions, so that every agent finds them."
	p.Settings = settings()
	p.Config = plugins.Schema{servers.Named()}
	plugins.Serve(p)
}

func settings() plugins.Schema {
	api := plugins.Field{
		Name: "api", Example: "https://rabbit1.example.test:15671",
		Doc: "The URL of the management API; without it, that in `endpoint`, or else port 15671 with TLS or 15672 without of the server's own host.",
	}
	return append(plugins.Schema{
		{Name: "endpoint", Doc: "The URL of the management API of servers that state none of their own.", Example: "https://rabbit.example.test"},
	}, servers.Fields(amqpPort, api)...)
}
