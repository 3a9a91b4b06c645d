package manifests

import (
	"slices"
	"strings"
)

// KeyDoc describes one key of a manifest.
type KeyDoc struct {
	Path    string // such as "step.timeout"; the keys of [[step]] and of [source] look alike
	Type    string // what may be written
	Default string // "" if there is none, required if the key must be there
	Doc     string // one line
}

// provider is the last part of a path that stands for the table named like the
// provider, whose inside is the provider's own business.
const provider = "<provider>"

// required is the default of a key that must be there in its table.
const required = "required"

// Keys lists every key of a manifest, in the order of a well written one. What
// is not listed here is refused.
func Keys() []KeyDoc {
	return slices.Concat(topKeys(), whereKeys(), whenKeys(), sourceKeys(), watchKeys(), watchPathKeys(), stepKeys(), artifactKeys(), retentionKeys(""), serverKeys(), restKeys(), notifyKeys())
}

func topKeys() []KeyDoc {
	return []KeyDoc{
		{"build-requires", "array of strings", "[]", `what an agent must offer, such as "docker" or "postgresql >= 14"`},
		{"priority", "integer, -1000 to 1000", "0", "builds of a higher priority get an agent first"},
		{"auto-watch", "boolean or table", "true", "watch what a build found it depends on; a table means true"},
		{"auto-watch.ignore", "array of strings", "[]", `URLs never watched; "*" stands for anything`},
		{"tree-stable-timer", "duration, 0 to 24h", `"0s"`, "how long the watched refs must be quiet before a build"},
	}
}

func sourceKeys() []KeyDoc {
	return []KeyDoc{
		{"source", "table", "", "what a build fetches first"},
		{"source.git", "string", "", "URL of the git repository"},
		{"source.hg", "string", "", "URL of the Mercurial repository, instead of git"},
		{"source.branch", "string", "the remote's HEAD", "branch that is built and watched; Mercurial's HEAD is the branch default"},
		{"source.revision", "string", "", "commit or tag that is built, for frozen versions"},
		{"source.submodules", "boolean", "true", "fetch the submodules too"},
	}
}

func watchKeys() []KeyDoc {
	return []KeyDoc{
		{"watch", "array of tables", "", `what else starts a build; "watch = []" with nothing else: commits never do`},
		{"watch.git", "string", "", "URL of the git repository"},
		{"watch.hg", "string", "", "URL of the Mercurial repository, instead of git"},
		{"watch.branch", "string", "", "branch to watch; without branch, tag and ref it is the remote's HEAD"},
		{"watch.tag", "string", "", "tag to watch"},
		{"watch.bookmark", "string", "", "bookmark to watch, with hg"},
		{"watch.ref", "string", "", `full name of the ref to watch, such as "refs/heads/main"`},
	}
}

// watchFileKeys are the keys of a watch file.
func watchFileKeys() []KeyDoc {
	return append(watchKeys(),
		KeyDoc{"watch.revision", "string", "", "commit that the build used"},
		KeyDoc{"watch.from", "string", "", `where the build found it, such as "package.json:12"`})
}

func serverKeys() []KeyDoc {
	return []KeyDoc{
		{"appserver", "table", "", "the server that a build makes"},
		{"appserver.cloud", "string", required, "cloud provider"},
		{"appserver.flavor", "string", "the provider's", "size of the server, in the provider's words"},
		{"appserver.image", "string", "the provider's", "image of the server, in the provider's words"},
		{"appserver.provision", "string", "", "command that makes the server serve, given to a shell"},
		{"appserver.provision-timeout", "duration, up to 720h", `"1h"`, "when provisioning is stopped"},
		{"appserver.health", "table", "no check", "what the server must answer before it is activated"},
		{"appserver.health.http", "string", required, `path that must answer with a status of 200 to 399, such as "/healthz"`},
		{"appserver.health.port", "integer, 1 to 65535", "the provider's", "port that must answer"},
		{"appserver.health.within", "duration, up to 24h", `"5m"`, "how long it may take to answer"},
		{"appserver.activate", `"on-success" or "manually"`, `"on-success"`, "who makes the new server the active one"},
		{"appserver.keep", "integer, 1 to 100", "2", "how many servers stay, the active one included"},
		{"appserver." + provider, "table", "", "the cloud provider's own settings"},
		{"dns", "table", "", "the name of the active server"},
		{"dns.provider", "string", required, "DNS provider"},
		{"dns.domain", "string", required, "the name"},
		{"dns.ttl", "duration, 1s to 168h", `"60s"`, "how long others may remember the address"},
		{"dns." + provider, "table", "", "the DNS provider's own settings"},
		{"balancer", "table", "", "the route to the active server"},
		{"balancer.provider", "string", required, "balancer"},
		{"balancer.name", "string", required, "the name that the route is for"},
		{"balancer." + provider, "table", "", "the balancer's own settings"},
		{"database", "array of tables", "", "databases made before the server is provisioned"},
		{"database.provider", "string", required, "database provider"},
		{"database.name", "string", required, "name of the database, unique in the manifest"},
		{"database.persistent", "boolean", "false", "the database outlives the server"},
		{"database." + provider, "table", "", "the database provider's own settings"},
	}
}

func restKeys() []KeyDoc {
	return []KeyDoc{
		{"periodic", "table", "", "builds without a change"},
		{"periodic.interval", "interval, at least 1s", "", `time between builds, such as "P1D" or "3 days 04:05:06"`},
		{"periodic.cron", "string", "", `times of builds in five fields, such as "30 4 * * *"; instead of interval`},
		{"periodic.time-zone", "string", `"UTC"`, `where the times of cron hold, such as "Europe/Berlin"`},
		{"periodic.retries", "integer, 0 to 100", "0", "how often it is tried again when its AppServer could not be spawned or provisioned"},
	}
}

// schema answers which keys there are at a place.
type schema map[string][]string // path of a table -> names of its keys, in order

func newSchema(docs []KeyDoc) schema {
	s := make(schema)
	for _, doc := range docs {
		parent, name := "", doc.Path
		if i := strings.LastIndexByte(doc.Path, '.'); i >= 0 {
			parent, name = doc.Path[:i], doc.Path[i+1:]
		}
		s[parent] = append(s[parent], name)
	}
	return s
}

// known lists the keys of a table that can be named.
func (s schema) known(table string) []string {
	return slices.DeleteFunc(slices.Clone(s[table]), func(name string) bool { return name == provider })
}

// hint is what to write instead of an unknown key.
func (s schema) hint(table, key string) string {
	known := s.known(table)
	if best := nearest(key, known); best != "" {
		return `did you mean "` + best + `"?`
	}
	return "known here: " + strings.Join(known, ", ")
}

// nearest is the candidate that key is a likely slip of, or "".
func nearest(key string, candidates []string) string {
	best, least := "", max(1, min(len(key)/3, 3))+1
	for _, candidate := range candidates {
		if abs(len(key)-len(candidate)) >= least {
			continue
		}
		if d := distance(strings.ToLower(key), candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that make a of b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
