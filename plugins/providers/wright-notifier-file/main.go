// Command wright-notifier-file is the notifier "file": it appends messages to a
// file, a line of JSON each, for whatever reads it there.
//
//	STATE/receipts/TOKEN-HASH.json   what is being or was written, for 30 days
package main

import (
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/notifier"
)

func main() {
	p := notifier.Plugin("file", "", &provider{})
	p.Doc = "Appends each message to a file, as one line of JSON with the keys `time`, `token`, `event`, `instance`, `build`, " +
		"`subject`, `text`, `url`, `recipients` and `tags`. Every message is written once, also when it is sent again within 30 days."
	p.Settings = plugins.Schema{{
		Name: "file", Doc: "Absolute path of the file, whose directory must exist; without it, messages.jsonl in the provider's own directory.",
		Example: "/var/log/wright/messages.jsonl",
	}}
	p.Config = plugins.Schema{}
	plugins.Serve(p)
}
