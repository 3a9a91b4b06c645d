// Package scaffold writes a new provider plugin, in Go or Python: a working one
// that keeps everything in a file, passes the conformance suite and has tests, a
// README and CI, for a third party to turn into his own. It knows nothing of
// what the kinds do beyond their templates, and runs nothing.
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wright-build/wright/plugins"
)

// Options say what to write.
type Options struct {
	Kind plugins.Kind
	Name string // what a manifest will call it
	Lang string // "go", the default, or "python"
	SDK  string // a checkout of Wright that the plugin is built with; empty: see below
}

// The languages.
const (
	Go     = "go"
	Python = "python"
)

// Langs lists the languages that plugins are written in here.
func Langs() []string { return []string{Go, Python} }

//go:embed all:files
var files embed.FS

// Write writes a plugin into dir, which is made, and gives the paths of the
// files in it. Nothing that is there is overwritten. In Go a plugin needs
// Wright's module: it is taken from o.SDK, or from the checkout that dir or this
// program lies in, or else from where modules are published, in the version of
// this program.
func Write(dir string, o Options) ([]string, error) {
	if o.Lang == "" {
		o.Lang = Go
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	plan, err := o.plan(dir)
	if err != nil {
		return nil, err
	}
	return plan.write(dir)
}

// check refuses what no host would find or no compiler take.
func (o Options) check() error {
	switch {
	case !slices.Contains(plugins.Kinds(), o.Kind):
		return fmt.Errorf("%.60q is no kind of provider: there are %v", o.Kind, plugins.Kinds())
	case !isName(o.Name):
		return fmt.Errorf("%.80q is no name of a provider: use a-z, 0-9 and -, a letter first, at most 40", o.Name)
	case !slices.Contains(Langs(), o.Lang):
		return fmt.Errorf("%.60q is no language that plugins are written in here: there are %s", o.Lang, strings.Join(Langs(), ", "))
	}
	return nil
}

// isName takes less than hosts do: the name is also one of files and modules.
func isName(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 40 && !strings.HasSuffix(s, "-")
}

// plan is the text of every file, by its path with slashes.
type plan map[string][]byte

func (o Options) plan(dir string) (plan, error) {
	p := plan{}
	fill := strings.NewReplacer(
		"@KIND@", string(o.Kind), "@NAME@", o.Name, "@FUNC@", funcOf(o.Kind), "@MANIFEST@", manifest(o.Kind, o.Name))
	for _, part := range []string{"all", string(o.Kind)} { // the kind's files replace those of all
		root := path.Join("files", o.Lang, part)
		err := fs.WalkDir(files, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := files.ReadFile(name)
			if target := o.target(strings.TrimPrefix(name, root+"/")); target != "" {
				p[target] = []byte(fill.Replace(string(text)))
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read the templates: %w", err)
		}
	}
	if o.Lang != Go {
		return p, nil
	}
	return p, o.addModule(p, dir)
}

// target gives the path of a template in the plugin, empty when this plugin does
// not need it.
func (o Options) target(name string) string {
	name = strings.TrimSuffix(name, ".tmpl")
	switch name {
	case "gitignore":
		return ".gitignore"
	case "workflow.yml":
		return ".github/workflows/test.yml"
	}
	kind, isProto := strings.CutPrefix(path.Dir(name), "proto/plugin/")
	if !isProto {
		kind, isProto = strings.CutPrefix(path.Dir(name), "src/plugin/")
	}
	if kind == "v1" && isProto {
		kind, _, _ := strings.Cut(path.Base(name), ".")
		if kind = strings.TrimSuffix(kind, "_pb2"); kind != "plugin" && kind != string(o.Kind) {
			return ""
		}
	}
	return name
}

// funcOf is the function of package conformance.
func funcOf(k plugins.Kind) string {
	if k == plugins.DNS {
		return "DNS"
	}
	return strings.ToUpper(string(k[:1])) + string(k[1:])
}

// manifest is how the provider is used, with a code block.
func manifest(k plugins.Kind, name string) string {
	const leadsTo = "[appserver]\ncloud = \"process\"\n\n" // a name leads to an AppServer
	table := map[plugins.Kind]string{
		plugins.Cloud:    "[appserver]\ncloud = \"@\"\n\n[appserver.@]\nclass = \"premium\"\n",
		plugins.DNS:      leadsTo + "[dns]\nprovider = \"@\"\ndomain = \"shop.example.test\"\n\n[dns.@]\nclass = \"premium\"\n",
		plugins.Database: "[[database]]\nprovider = \"@\"\nname = \"shop\"\n\n[database.@]\nclass = \"premium\"\n",
		plugins.Balancer: leadsTo + "[balancer]\nprovider = \"@\"\nname = \"shop.example.test\"\n\n[balancer.@]\nclass = \"premium\"\n",
		plugins.Notifier: "[[notify.plugin]]\nprovider = \"@\"\n\n[notify.plugin.@]\nclass = \"premium\"\n",
		plugins.Runner:   "[runner]\nprovider = \"@\"\n\n[runner.@]\nclass = \"premium\"\n",
	}[k]
	var block strings.Builder
	block.WriteString("Name it in a manifest:\n\n")
	for line := range strings.Lines(strings.ReplaceAll(table, "@", name)) {
		if line != "\n" {
			line = "    " + line
		}
		block.WriteString(line)
	}
	return block.String()
}

// write makes every file, or none: a file that is there is found before the
// first is made.
func (p plan) write(dir string) ([]string, error) {
	var names []string
	for name := range p {
		names = append(names, name)
		target := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is there already: a plugin is begun in an empty directory", target)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), p[name]); err != nil {
			return nil, fmt.Errorf("write the plugin: %w", err)
		}
	}
	return names, nil
}

func writeFile(target string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if strings.HasPrefix(string(text), "#!") {
		mode = 0o755
	}
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
