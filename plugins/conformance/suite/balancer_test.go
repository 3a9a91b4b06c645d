package suite

import (
	"net"
	"testing"
)

func balancerBugs() []bug {
	return []bug{
		{"removed first", "^killed in the middle of set$", `half of it`},
		{"one by one", "^killed in the middle of set$", `half of it`},
		{"old kept", "^set, replace, delete$", `exactly the targets`},
		{"case matters", "^one name in any spelling$", `lower case`},
		{"dot matters", "^one name in any spelling$", `without the dot`},
		{"owner without case", "^other installations$", `for the installation "CONF.*no error.*plugins.Exists`},
		{"takes over", "^other installations$", `plugins.Exists`},
		{"other not refused", "^other installations$", `no error.*plugins.Exists`},
		{"other refused as invalid", "^other installations$", `plugins.Exists`},
		{"deletes anybody's", "^other installations$", `let Delete leave it alone`},
		{"ownerless", "^an owner is needed$", `plugins.Invalidf`},
		{"first target only", "^set, replace, delete$", `exactly the targets`},
		{"port lost", "^targets of any form$|^set, replace, delete$", `65535`},
		{"ipv6 dropped", "^targets of any form$", `::1`},
		{"ipv6 cut", "^targets of any form$", `net.JoinHostPort`},
		{"list ignores tags", "^list by tag$", `select by the tags`},
		{"list only of the installation", "^list by tag$", `select by the tags`},
		{"tags dropped", "^list by tag$", `keep the tags`},
		{"tags lowercased", "^tags are kept$", `never change them`},
		{"first page only", "^a long list$", `page after page`},
		{"page twice", "^a long list$", `in the list twice`},
		{"forgets", "^a restart forgets nothing$", `memory`},
		{"lost update", "^others at the same time$|^two processes at once$", `not listed.*lock`},
		{"finishes later", "^cancelled in the middle of set$", `background`},
		{"overtaken", "^cancelled in the middle of set$", `to as much as there may be, cancelled.*then replace it, then wait.*once more under the lock`},
		{"tags of the first", "^tags of the last set$", `color=green.*not listed.*also where all else is as it was`},
		{"missing is an error", "^delete the missing$", `no error when there is nothing`},
		{"delete lies", "^delete$", `is listed.*before you return`},
		{"delete takes below", "^a name below another$", `compare whole names`},
		{"wildcard cut", "^a wildcard$", `plugins.Unsupported`},
		{"applied later", "^requests arrive$", `wait for the reload`},
		{"host lost", "^requests arrive$", `Host header`},
		{"other routes interrupted", "^requests of others go on$", `without dropping`},
	}
}

// listening gives the reference an address to listen at.
func listening(t *testing.T, s Subject) Subject {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s.Settings = over(s.Settings, map[string]any{"endpoint": address})
	s.Probe = "http://" + address + "/"
	return s
}
