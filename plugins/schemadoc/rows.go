package schemadoc

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wright-build/wright/plugins"
)

// Row is one key of a schema as a table shows it.
type Row struct {
	Key      string `json:"key"`  // path, such as "net.mtu", "volumes[].size" or "routes.NAME.to"
	Type     string `json:"type"` // what may be written, with its bounds
	Required bool   `json:"required"`
	Secret   bool   `json:"secret"`
	Default  string `json:"default"` // as TOML; empty for none, and for that of a secret
	Example  string `json:"example"` // likewise
	Doc      string `json:"doc"`
}

// Rows lists every key of a schema, those inside a table after it.
func Rows(s plugins.Schema) []Row { return below([]Row{}, "", s) }

func below(all []Row, prefix string, s plugins.Schema) []Row {
	for _, f := range s {
		r := Row{Key: prefix + f.Name, Type: kind(f), Required: f.Required, Secret: f.Secret, Doc: f.Doc}
		if f.Default != nil && !f.Secret {
			r.Default = literal(f.Default)
		}
		if f.Example != nil && !f.Secret {
			r.Example = literal(f.Example)
		}
		all = below(append(all, r), r.Key+inside(f), f.Fields)
	}
	return all
}

// inside joins the name of a field and those in it.
func inside(f plugins.Field) string {
	switch f.Type {
	case plugins.TypeList:
		return "[]."
	case plugins.TypeMap:
		return ".NAME."
	}
	return "."
}

// kind says what may be written.
func kind(f plugins.Field) string {
	s := name(f.Type)
	switch {
	case f.Type == plugins.TypeList || f.Type == plugins.TypeMap:
		s += " of " + name(f.Element) + "s"
	case len(f.OneOf) > 0:
		s = "one of " + strings.Join(quoted(f.OneOf), ", ")
	}
	if f.Secret {
		s += ", secret"
	}
	return s + bounds(f)
}

func bounds(f plugins.Field) string {
	unit := ""
	if f.Type != plugins.TypeInteger && f.Type != plugins.TypeNumber {
		unit = " long"
	}
	switch {
	case f.Min != nil && f.Max != nil:
		return fmt.Sprintf(", %v to %v%s", *f.Min, *f.Max, unit)
	case f.Min != nil:
		return fmt.Sprintf(", at least %v%s", *f.Min, unit)
	case f.Max != nil:
		return fmt.Sprintf(", at most %v%s", *f.Max, unit)
	}
	return ""
}

func name(t plugins.Type) string {
	if t == "" {
		t = plugins.TypeString
	}
	return string(t)
}

func quoted(list []string) []string {
	all := make([]string, 0, len(list))
	for _, s := range list {
		all = append(all, strconv.Quote(s))
	}
	return all
}
