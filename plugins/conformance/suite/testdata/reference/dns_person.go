package main

import (
	"os"
	"strings"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

// personal refuses what a person has set: the names in the file by hand.
func (z *zone) personal(domain string) error {
	text, _ := os.ReadFile(z.text("by-hand"))
	if !strings.HasPrefix(string(text), domain+" ") {
		return nil
	}
	if z.bug("a person's record overwritten") {
		return os.Remove(z.text("by-hand"))
	}
	return plugins.Errorf(plugins.Exists, "a person has set %s", domain)
}

// publish lets whoever looks at the far side by hand see what was set, in a file
// of the domain beside the file by hand.
func (z *zone) publish(domain string, records []dns.Record) {
	file := z.text("by-hand")
	switch {
	case file == "" || z.bug("never published"):
		return
	case z.bug("never withdrawn") && len(records) == 0:
		return
	case len(records) == 0:
		_ = os.Remove(file + "." + domain)
		return
	}
	var text strings.Builder
	for _, r := range records {
		text.WriteString(r.Value + "\n")
	}
	_ = os.WriteFile(file+"."+domain, []byte(text.String()), 0o600)
}
