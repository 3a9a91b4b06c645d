package suite

import (
	"path/filepath"
	"testing"
)

func dnsBugs() []bug {
	return []bug{
		{"partly applied", "^all or nothing$", `two good records and.*it must have "A 192.0.2.1"`},
		{"bad without a code", "^all or nothing$", `plugins.Invalidf`},
		{"bad without a field", "^all or nothing$", `with no path of the field.*name the field`},
		{"fields counted from 1", "^all or nothing$", `with the path "records\[1\].value" of the field, it must begin with "records\[0\]".*count from 0`},
		{"any address", "^all or nothing$", `no error.*check every value`},
		{"any type", "^record types$|^all or nothing$", `NO-SUCH-TYPE`},
		{"removed first", "^killed in the middle of set$", `half of it`},
		{"removed first", "^never gone while", `again and again, and List.*once it was "", which nobody.*in one step`},
		{"alias removed first", "^a CNAME is never gone", `another CNAME.*once it was "", which nobody.*in one step`},
		{"quotes trimmed", "^record types$", `keep the value`},
		{"owner afterwards", "^killed in the middle of set$", `a person has`},
		{"old kept", "^set, replace, delete$", `must have exactly|exactly the records`},
		{"case matters", "^one domain in any spelling$", `lower case`},
		{"dot matters", "^one domain in any spelling$", `without the dot`},
		{"wildcard cut", "^a wildcard$", `\*\.`},
		{"owner ignored", "^other installations$", `keep the installation`},
		{"owner without case", "^other installations$", `for the installation "CONF.*keep the installation`},
		{"owner cut", "^other installations$", `for the installation.*keep the installation`},
		{"ttl of the first", "^times to live$", `the AAAA has a TTL of 1m0s.*keep a TTL for each record`},
		{"ownerless", "^an owner is needed$", `plugins.Invalidf`},
		{"other refused as denied", "^other installations$", `plugins.Exists`},
		{"list ignores tags", "^list by tag$", `select by the tags`},
		{"list only of the installation", "^list by tag$", `compare every tag|select by the tags`},
		{"tags lowercased", "^tags are kept$", `never change them`},
		{"tags cut", "^tags are kept$", `never change them`},
		{"nothing without tags", "^list by tag$", `without tags.*is not among the 0.*select nothing`},
		{"tags dropped", "^tags are kept$|^list by tag$", `not listed`},
		{"first page only", "^a long list$", `page after page`},
		{"pages by the last change", "^a long list$", `are replaced.*which stays, is not listed.*sort by what never changes`},
		{"page twice", "^a long list$", `in the list twice`},
		{"forgets", "^a restart forgets nothing$", `not listed.*memory`},
		{"lost update", "^others at the same time$|^two processes at once$", `not listed.*lock`},
		{"read once", "^two processes at once$", `in turn, then ask process.*keep nothing in memory of what another process may change`},
		{"finishes later", "^cancelled in the middle of set$", `background`},
		{"overtaken", "^cancelled in the middle of set$", `to as much as there may be, cancelled.*then replace it, then wait.*once more under the lock`},
		{"tags of the first", "^tags of the last set$", `color=green.*not listed.*also where all else is as it was`},
		{"delete wants all tags", "^tags of the last set$", `with other tags of the same installation.*is listed.*but the installation's`},
		{"by value", "^record types$", `A 192.0.2.1, TXT 192.0.2.1.*keep the value`},
		{"room before the token", "^quota$", `the same call again with a full quota.*before you ask whether there is room`},
		{"first settings for ever", "^configure again$", `then with the wrong credentials.*no error.*let every Configure put`},
		{"missing is an error", "^delete the missing$", `no error when there is nothing`},
		{"delete lies", "^delete$", `is listed.*before you return`},
		{"delete later", "^delete$", `is listed.*before you return`},
		{"delete takes all", "^delete$", `not listed`},
		{"empty set ignored", "^set, replace, delete$", `no records at all`},
		{"cname beside others", "^a CNAME stands alone$", `before anything is written`},
		{"type dropped", "^record types$", `keep the value`},
		{"type dropped", "^times to live$", `keep every record of a Set`},
		{"txt cut", "^record types$", `keep the value`},
		{"txt unquoted", "^record types$", `keep the value`},
		{"ttl in milliseconds", "^times to live$", `mind the unit`},
		{"ttl fixed", "^times to live$", `a TTL of 30s`},
		{"ten records at most", "^a hundred records$", `write and list them all`},
		{"descriptors leak", "^nothing grows$", `open files`},
		{"memory grows", "^nothing grows$", `MiB after .*forget what a call was about`},
		{"backups kept", "^nothing is left behind$", `files after the first and`},
		{"wrong credentials accepted", "^wrong credentials", `denied`},
		{"secret in error", "^wrong credentials", `not its value`},
		{"secret in log", "^an empty list$", `do not log`},
	}
}

// personBugs are those that only who sets records by hand sees.
func personBugs() []bug {
	return []bug{
		{"a person's record overwritten", "^a person", `it must show 192.0.2.99.*refuse with plugins.Errorf\(plugins.Exists`},
		{"never published", "^what is set", `it must show 192.0.2.97.*not your note of them alone`},
		{"never withdrawn", "^what is set", `it must not show 192.0.2.98`},
	}
}

// byHand gives the reference a far side at which a person sets records.
func byHand(t *testing.T, s Subject) Subject {
	file := filepath.Join(t.TempDir(), "by-hand")
	s.Settings = over(s.Settings, map[string]any{"by-hand": file})
	s.Person = `case $ACTION in set) echo "$NAME $VALUE" >` + file + `;; show) cat ` + file + ` ` + file + `.$NAME 2>/dev/null || true;; delete) rm -f ` + file + `;; esac`
	return s
}
