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

		"plugins":                                  {"proto/plugin/v1"},
		"plugins/cloud":                            {"plugins", "proto/plugin/v1"},
		"plugins/dns":                              {"plugins", "proto/plugin/v1"},
		"plugins/database":                         {"plugins", "proto/plugin/v1"},
		"plugins/host":                             {"plugins", "plugins/cloud", "plugins/dns", "plugins/database", "proto/plugin/v1"},
		"plugins/conformance":                      {"plugins", "plugins/cloud", "plugins/dns", "plugins/database", "plugins/host"},
		"plugins/providers/wright-cloud-process":   {"plugins", "plugins/cloud"},
		"plugins/providers/wright-dns-hosts":       {"plugins", "plugins/dns"},
		"plugins/providers/wright-database-sqlite": {"plugins", "plugins/database"},

		"master/state":           {"manifests"},
		"master/store":           {"master/state"},
		"master/store/storetest": {"master/state", "master/store"},
		"master/catalog":         {"manifests", "master/state", "master/store"},
		"master/watchlist":       {"manifests", "master/state"},
		"master/poll":            {"manifests", "master/state", "master/store", "master/watchlist"},
		"master/schedule":        {"manifests", "master/state", "master/store", "master/watchlist"},
		"master/assign":          {"manifests", "master/state"},
		"master/dispatch":        {"manifests", "master/assign", "master/logs", "master/state", "master/store", "master/watchlist", "proto/agent/v1"},
		"master/activate":        {"master/state", "master/store"},
		"master/logs":            {},
		"master/proxy":           {"master/state", "master/store"},
		"master/api":             {"manifests", "master/api/view", "master/assign", "master/logs", "master/state", "master/store", "master/watchlist"},
		"master/api/view":        {"manifests", "master/assign", "master/logs", "master/state", "master/watchlist"},
		"master/api/ansi":        {},
		"master/api/client":      {"master/api/view"},
		"master/web":             {"manifests", "master/api", "master/api/ansi", "master/api/view", "master/logs", "master/state", "master/store"},
		"master":                 {"manifests", "master/..."},

		"agent/process":           {},
		"agent/workspace":         {"manifests", "agent/workspace/gitfile"},
		"agent/workspace/gitfile": {"manifests"},
		"agent/workspace/gittest": {},
		"agent/autowatch":         {"manifests", "agent/workspace/gitfile"},
		"agent/output":            {"proto/agent/v1"},
		"agent/appserver":         {"plugins", "plugins/cloud", "plugins/dns", "plugins/database", "proto/agent/v1"},
		"agent/build":             {"manifests", "agent/appserver", "agent/autowatch", "agent/output", "agent/process", "agent/workspace", "agent/workspace/gitfile", "proto/agent/v1"},
		"agent":                   {"agent/appserver", "agent/build", "agent/process", "plugins/host", "proto/agent/v1"},

		"master/api/apitest":    {"manifests", "master/..."},
		"cmd/wright/wrighttest": {"master/api/client", "master/api/view"},
		"cmd/wright":            {"manifests", "master", "master/api/ansi", "master/api/client", "master/api/view", "agent", "agent/process", "plugins", "plugins/host"},
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
