package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/host"
)

// maxFindings bounds what is told about the providers of one manifest.
const maxFindings = 50

// providerKey names a provider.
type providerKey struct {
	kind plugins.Kind
	name string
}

// providers is what the providers that manifests name say of themselves. One
// that is not found here is missing.
type providers map[providerKey]described

// askProviders asks those that the manifests name, as far as they are found.
func (a *app) askProviders(ctx context.Context, dirs []string, all []*manifests.Manifest) providers {
	named := map[providerKey]bool{}
	for _, m := range all {
		for _, u := range m.Uses() {
			named[providerKey{plugins.Kind(u.Kind), u.Provider}] = true
		}
	}
	if len(named) == 0 {
		return nil
	}
	h := a.pluginHost(dirs)
	defer func() { _ = h.Close() }()
	found := slices.DeleteFunc(h.Plugins(), func(p host.Info) bool { return !named[providerKey{p.Kind, p.Name}] })
	answers := providers{}
	for _, d := range describeAll(ctx, h, found) {
		answers[providerKey{d.Kind, d.Name}] = d
	}
	return answers
}

// remark is something about the provider's table of a manifest.
type remark struct {
	path    string
	atKey   bool // the key is wrong, not its value
	isNote  bool
	message string
	hint    string
}

// remarks holds the providers' tables of a manifest against what the providers
// say of them.
func (known providers) remarks(m *manifests.Manifest) []remark {
	var all []remark
	for _, u := range m.Uses() {
		d, found := known[providerKey{plugins.Kind(u.Kind), u.Provider}]
		switch {
		case !found:
			all = append(all, unchecked(u, "no plugin of that name is found here", "--plugins DIR says where to look"))
		case d.err != nil:
			all = append(all, unchecked(u, d.err.Error(), ""))
		default:
			all = append(all, tableRemarks(m.Instance, u, d.about.Config)...)
		}
	}
	return all
}

// unchecked is the note that a table could not be checked.
func unchecked(u manifests.Use, why, hint string) remark {
	table, key := strings.TrimSuffix(u.Path, "."+u.Provider), "provider"
	if u.Kind == string(plugins.Cloud) {
		key = "cloud"
	}
	message := fmt.Sprintf("the table of the %s provider %q was not checked: %s", u.Kind, u.Provider, why)
	return remark{path: table + "." + key, isNote: true, message: message, hint: hint}
}

func tableRemarks(instance string, u manifests.Use, s plugins.Schema) []remark {
	var all []remark
	_, errs := s.Check(u.Path, u.Config)
	for _, e := range errs {
		atKey := errors.Is(e, plugins.ErrNoSuchKey) || errors.Is(e, plugins.ErrMissing)
		all = append(all, remark{path: e.Field, atKey: atKey, message: e.Error()})
	}
	s.Secrets(u.Path, u.Config, func(path, value string) {
		if !strings.HasPrefix(value, plugins.SecretPrefix) {
			all = append(all, remark{path: path, message: path + ": holds a secret itself, where everybody reads it",
				hint: `write "` + plugins.SecretPrefix + `NAME", and have the master keep it: wright secret set NAME --instance ` + instance})
		}
	})
	return all
}

// placed gives remarks their places, in the order of the text.
func placed(m *manifests.Manifest, all []remark) []finding {
	if len(all) == 0 {
		return nil
	}
	text, err := os.ReadFile(m.File)
	if err != nil {
		text = nil // it was there a moment ago: the first line must do
	}
	places := manifests.Locate(m.File, text)
	found := make([]finding, 0, len(all))
	for _, r := range all {
		at, severity := places.Of(r.path), "error"
		if r.atKey {
			at = places.Key(r.path)
		}
		if r.isNote {
			severity = "note"
		}
		found = append(found, finding{view.Problem{
			Instance: m.Instance, File: at.File, Line: at.Line, Column: at.Column, Key: r.path, Message: r.message, Hint: r.hint,
		}, severity})
	}
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return found[:min(len(found), maxFindings)]
}
