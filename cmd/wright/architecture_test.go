package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/wright-build/wright/"

// doors is the house: which package may import which of ours. A package that
// is not listed is a mistake, and so is a listed one that is gone. "x/..."
// stands for x and all below it.
func doors() map[string][]string {
	return map[string][]string{
		"manifests": {},

		"proto/agent/v1":  {},
		"proto/plugin/v1": {},

		"plugins":                            {"proto/plugin/v1"},
		"plugins/cloud":                      {"plugins", "proto/plugin/v1"},
		"plugins/cloud/cloudinit":            {"plugins"},
		"plugins/cloud/onhost":               {"plugins", "plugins/cloud"},
		"plugins/cloud/packed":               {},
		"plugins/cloud/cloudtest":            {"plugins", "plugins/cloud", "plugins/host"},
		"plugins/cloud/turns":                {},
		"plugins/dns":                        {"plugins", "proto/plugin/v1"},
		"plugins/dns/rrset":                  {"plugins", "plugins/dns"},
		"plugins/dns/authority":              {"plugins", "plugins/dns/rrset"},
		"plugins/dns/webapi":                 {"plugins"},
		"plugins/dns/dnstest":                {"plugins", "plugins/dns", "plugins/dns/authority", "plugins/dns/rrset", "plugins/host"},
		"plugins/dns/zones":                  {"plugins", "plugins/dns", "plugins/dns/authority", "plugins/dns/rrset"},
		"plugins/credential":                 {"plugins"},
		"plugins/environ":                    {},
		"plugins/timerslack":                 {},
		"plugins/database":                   {"plugins", "proto/plugin/v1"},
		"plugins/database/servers":           {"plugins", "plugins/credential"},
		"plugins/database/seal":              {},
		"plugins/database/databasetest":      {"plugins", "plugins/database", "plugins/host"},
		"plugins/database/notes":             {"plugins", "plugins/database", "plugins/database/seal", "plugins/database/servers"},
		"plugins/database/ledger":            {"plugins", "plugins/database", "plugins/database/seal", "plugins/database/servers"},
		"plugins/database/ledger/ledgertest": {"plugins", "plugins/database", "plugins/host"},
		"plugins/balancer":                   {"plugins", "plugins/dns", "proto/plugin/v1"},
		"plugins/runner":                     {"plugins", "proto/plugin/v1"},
		"plugins/notifier":                   {"plugins", "proto/plugin/v1"},
		"plugins/host":                       {"plugins", "plugins/balancer", "plugins/cloud", "plugins/database", "plugins/dns", "plugins/notifier", "plugins/runner", "plugins/timerslack", "proto/plugin/v1"},
		"plugins/scaffold":                   {"plugins"},
		"plugins/conformance":                {"plugins", "plugins/conformance/suite"},
		"plugins/conformance/suite":          {"plugins", "plugins/balancer", "plugins/cloud", "plugins/database", "plugins/dns", "plugins/host", "plugins/notifier", "plugins/runner", "proto/plugin/v1"},
		"plugins/lab":                        {},
		"plugins/lab/labtest":                {"plugins/lab"},
		"plugins/lab/run":                    {"plugins/lab"},

		"plugins/schemadoc":                            {"plugins"},
		"plugins/providers/wright-balancer-haproxy":    {"plugins", "plugins/balancer", "plugins/dns"},
		"plugins/providers/wright-cloud-hcloud":        {"plugins", "plugins/cloud", "plugins/cloud/cloudinit", "plugins/cloud/packed", "plugins/cloud/turns", "plugins/credential"},
		"plugins/providers/wright-cloud-openstack":     {"plugins", "plugins/cloud", "plugins/cloud/cloudinit", "plugins/cloud/packed", "plugins/credential"},
		"plugins/providers/wright-cloud-process":       {"plugins", "plugins/cloud", "plugins/cloud/onhost", "plugins/environ"},
		"plugins/providers/wright-cloud-qemu":          {"plugins", "plugins/cloud", "plugins/cloud/cloudinit", "plugins/cloud/onhost", "plugins/cloud/turns", "plugins/environ"},
		"plugins/providers/wright-cloud-static":        {"plugins", "plugins/cloud", "plugins/cloud/cloudinit", "plugins/cloud/turns", "plugins/credential"},
		"plugins/providers/wright-dns-hosts":           {"plugins", "plugins/dns"},
		"plugins/providers/wright-dns-designate":       {"plugins", "plugins/credential", "plugins/dns", "plugins/dns/authority", "plugins/dns/rrset", "plugins/dns/webapi", "plugins/dns/zones"},
		"plugins/providers/wright-dns-gandi":           {"plugins", "plugins/credential", "plugins/dns", "plugins/dns/authority", "plugins/dns/rrset", "plugins/dns/webapi", "plugins/dns/zones"},
		"plugins/providers/wright-dns-powerdns":        {"plugins", "plugins/credential", "plugins/dns", "plugins/dns/authority", "plugins/dns/rrset", "plugins/dns/webapi", "plugins/dns/zones"},
		"plugins/providers/wright-dns-rfc2136":         {"plugins", "plugins/credential", "plugins/dns", "plugins/dns/authority", "plugins/dns/rrset", "plugins/dns/zones"},
		"plugins/providers/wright-database-mongodb":    {"plugins", "plugins/database", "plugins/database/notes", "plugins/database/servers"},
		"plugins/providers/wright-database-rabbitmq":   {"plugins", "plugins/database", "plugins/database/notes", "plugins/database/servers"},
		"plugins/providers/wright-database-redis":      {"plugins", "plugins/database", "plugins/database/notes", "plugins/database/servers"},
		"plugins/providers/wright-database-sqlite":     {"plugins", "plugins/database"},
		"plugins/providers/wright-database-postgresql": {"plugins", "plugins/database", "plugins/database/ledger", "plugins/database/servers"},
		"plugins/providers/wright-database-mysql":      {"plugins", "plugins/database", "plugins/database/ledger", "plugins/database/servers"},
		"plugins/providers/wright-runner-local":        {"plugins", "plugins/environ", "plugins/runner"},
		"plugins/providers/wright-notifier-file":       {"plugins", "plugins/notifier"},

		"master/state":                {"manifests"},
		"master/secrets":              {"manifests", "master/state", "master/store"},
		"master/elect":                {},
		"master/store":                {"master/state", "master/store/past"},
		"master/store/past":           {},
		"master/backup":               {"master/state", "master/store"},
		"master/store/storetest":      {"master/state", "master/store"},
		"master/catalog":              {"manifests", "master/catalog/repos", "master/state", "master/store"},
		"master/catalog/repos":        {"manifests"},
		"master/watchlist":            {"manifests", "master/state"},
		"master/poll/ask":             {"manifests", "master/poll/ask/trees", "master/watchlist"},
		"master/poll/ask/trees":       {},
		"master/poll":                 {"manifests", "master/poll/ask", "master/state", "master/store", "master/watchlist"},
		"master/hook":                 {"manifests"},
		"master/schedule":             {"manifests", "master/assign", "master/state", "master/store", "master/watchlist"},
		"master/assign":               {"manifests", "master/state"},
		"master/dispatch":             {"manifests", "master/artifacts", "master/assign", "master/logs", "master/secrets", "master/state", "master/store", "master/watchlist", "proto/agent/v1"},
		"master/activate":             {"master/state", "master/store"},
		"master/reap":                 {"master/state", "master/store", "plugins"},
		"master/logs":                 {"master/logs/pack"},
		"master/logs/pack":            {},
		"master/bucket":               {},
		"master/retain":               {"manifests", "master/state", "master/store"},
		"master/notify":               {"manifests", "master/logs", "master/notify/content", "master/notify/outcome", "master/state", "master/store", "plugins", "plugins/notifier"},
		"master/notify/content":       {"manifests", "master/api/ansi", "master/logs", "master/state"},
		"master/notify/mail":          {"manifests", "master/notify/content", "master/notify/outcome", "master/state"},
		"master/notify/mail/mailtest": {},
		"master/notify/outcome":       {},
		"master/notify/post":          {"master/api/view", "master/notify/content", "master/notify/outcome", "master/state"},
		"master/proxy":                {"master/state", "master/store", "plugins", "plugins/balancer"},
		"master/api":                  {"manifests", "master/api/view", "master/artifacts", "master/assign", "master/backup", "master/logs", "master/secrets", "master/state", "master/store", "master/watchlist"},
		"master/api/view":             {"manifests", "master/assign", "master/logs", "master/state", "master/watchlist"},
		"master/artifacts":            {},
		"master/api/ansi":             {},
		"master/api/client":           {"master/api/view"},
		"master/web":                  {"manifests", "master/api", "master/api/ansi", "master/api/view", "master/logs", "master/state", "master/store", "master/web/graph"},
		"master/web/graph":            {"manifests", "master/api/view"},
		"master":                      {"manifests", "master/...", "plugins/host", "plugins/notifier", "proto/agent/v1"}, // agents are answered for whoever leads

		"agent/jsonl":              {},
		"agent/process":            {"agent/jsonl", "agent/rest", "plugins/environ", "plugins/timerslack"},
		"agent/workspace":          {"manifests", "agent/workspace/access", "agent/workspace/cache", "agent/workspace/gitfile"},
		"agent/workspace/access":   {"manifests"},
		"agent/workspace/cache":    {},
		"agent/workspace/gitfile":  {"manifests"},
		"agent/workspace/gittest":  {},
		"agent/workspace/hgtest":   {},
		"agent/autowatch":          {"manifests", "agent/autowatch/detect", "agent/autowatch/gittrace", "agent/workspace/gitfile"},
		"agent/autowatch/detect":   {},
		"agent/autowatch/gittrace": {"manifests"},
		"agent/output":             {"proto/agent/v1"},
		"agent/appserver":          {"plugins", "plugins/balancer", "plugins/cloud", "plugins/dns", "plugins/database", "proto/agent/v1"},
		"agent/sandbox":            {"plugins", "plugins/runner"},
		"agent/capability":         {},
		"agent/rest":               {},
		"agent/room":               {},
		"agent/artifacts":          {"manifests"},
		"agent/build":              {"manifests", "agent/appserver", "agent/artifacts", "agent/autowatch", "agent/autowatch/gittrace", "agent/jsonl", "agent/output", "agent/process", "agent/sandbox", "agent/workspace", "agent/workspace/access", "agent/workspace/cache", "agent/workspace/gitfile", "plugins", "plugins/runner", "proto/agent/v1"},
		"agent/way":                {},
		"agent":                    {"agent/appserver", "agent/build", "agent/process", "agent/rest", "agent/room", "agent/sandbox", "agent/way", "agent/workspace", "agent/workspace/cache", "plugins", "plugins/host", "proto/agent/v1"},

		"master/api/apitest":    {"manifests", "master/..."},
		"cmd/wright/wrighttest": {"master/api/client", "master/api/view"},
		"cmd/wright":            {"manifests", "master", "master/backup", "master/store", "master/api/ansi", "master/api/client", "master/api/view", "agent", "agent/autowatch", "agent/capability", "agent/process", "agent/rest", "agent/room", "agent/workspace", "agent/workspace/access", "plugins", "plugins/conformance/suite", "plugins/host", "plugins/scaffold", "plugins/schemadoc", "plugins/timerslack"},
		"examples/demo":         {},
	}
}

func TestImportsFollowTheLayout(t *testing.T) {
	root := filepath.Join("..", "..")
	allowed := doors()
	for pkg, imports := range imports(t, root) {
		may, listed := allowed[pkg]
		if !listed {
			t.Errorf("package %s is not in the table of cmd/wright/architecture_test.go", pkg)
			continue
		}
		delete(allowed, pkg)
		for _, imported := range imports {
			if !slices.ContainsFunc(may, func(door string) bool { return opens(door, imported) }) {
				t.Errorf("package %s must not import %s", pkg, imported)
			}
		}
	}
	for pkg := range allowed {
		t.Errorf("package %s is in the table but not in the house", pkg)
	}
}

func opens(door, pkg string) bool {
	below, all := strings.CutSuffix(door, "/...")
	return door == pkg || all && (pkg == below || strings.HasPrefix(pkg, below+"/"))
}

// imports reads what each package of the module imports from the module, tests
// left out. Directories with a go.mod of their own are other modules.
func imports(t *testing.T, root string) map[string][]string {
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && file != root {
			if strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || exists(filepath.Join(file, "go.mod")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		found[pkg] = append(found[pkg], importsOf(t, file)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func exists(file string) bool {
	match, err := filepath.Glob(file)
	return err == nil && len(match) > 0
}

func importsOf(t *testing.T, file string) []string {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, spec := range parsed.Imports {
		if name, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module); ok {
			ours = append(ours, path.Clean(name))
		}
	}
	return ours
}
