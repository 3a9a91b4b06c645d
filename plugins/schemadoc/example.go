package schemadoc

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/wright-build/wright/plugins"
)

// Example is the part of a manifest that uses the provider. It is empty for the
// kinds that manifests do not name.
func Example(d *plugins.Description) string {
	var head, text string
	switch d.Kind {
	case plugins.Cloud:
		head, text = "appserver", fmt.Sprintf("[appserver]\ncloud = %q\nprovision = \"./deploy.sh\"\n", d.Name)
	case plugins.DNS:
		head, text = "dns", fmt.Sprintf("[dns]\nprovider = %q\ndomain = \"shop.example.test\"\n", d.Name)
	case plugins.Database:
		head, text = "database", fmt.Sprintf("[[database]]\nprovider = %q\nname = \"shop\"\n", d.Name)
	case plugins.Balancer:
		head, text = "balancer", fmt.Sprintf("[balancer]\nprovider = %q\nname = \"shop.example.test\"\n", d.Name)
	case plugins.Runner:
		head, text = "runner", fmt.Sprintf("[runner]\nprovider = %q\n", d.Name)
	}
	if keys := sample(d.Config, named); head != "" && keys != "" {
		text += fmt.Sprintf("\n[%s.%s]\n%s", head, d.Name, keys)
	}
	return text
}

// named is how a manifest has a secret, written how the agent's own file has it.
func named(f plugins.Field) string { return plugins.SecretPrefix + cmp.Or(f.Name, "NAME") }
func written(plugins.Field) string { return "…" }

// sample writes the keys that must be there, the secrets, and what has an
// example; and as comments what else has a default.
func sample(s plugins.Schema, secret func(plugins.Field) string) string {
	var b strings.Builder
	for _, f := range s {
		if f.Required || f.Secret || f.Example != nil {
			fmt.Fprintf(&b, "%s = %s\n", f.Name, literal(stand(f, secret)))
		} else if f.Default != nil {
			fmt.Fprintf(&b, "# %s = %s\n", f.Name, literal(f.Default))
		}
	}
	return b.String()
}

// How many elements of a list and letters of a string stand for those that it
// must have.
const (
	maxElements = 3
	maxLetters  = 100
)

// stand is a value that stands for one a person has to think of.
func stand(f plugins.Field, secret func(plugins.Field) string) any {
	if f.Example != nil && !f.Secret {
		return f.Example
	}
	switch f.Type {
	case plugins.TypeInteger, plugins.TypeNumber:
		return amount(f)
	case plugins.TypeBoolean:
		return true
	case plugins.TypeDuration:
		return "90s"
	case plugins.TypeList:
		e := element(f)
		e.Name = f.Name
		return slices.Repeat([]any{stand(e, secret)}, int(min(length(f), maxElements)))
	case plugins.TypeTable:
		return required(f.Fields, secret)
	case plugins.TypeMap:
		return map[string]any{"NAME": stand(element(f), secret)}
	}
	return words(f, secret)
}

// amount is a number within the bounds.
func amount(f plugins.Field) float64 {
	n := 1.0
	if f.Min != nil {
		n = max(n, *f.Min)
	}
	if f.Max != nil {
		n = min(n, *f.Max)
	}
	if f.Type == plugins.TypeInteger && f.Min != nil {
		return math.Ceil(n)
	}
	if f.Type == plugins.TypeInteger {
		return math.Floor(n)
	}
	return n
}

func required(s plugins.Schema, secret func(plugins.Field) string) map[string]any {
	table := map[string]any{}
	for _, f := range s {
		if f.Required {
			table[f.Name] = stand(f, secret)
		}
	}
	return table
}

func words(f plugins.Field, secret func(plugins.Field) string) string {
	switch {
	case f.Secret:
		return secret(f)
	case len(f.OneOf) > 0:
		return f.OneOf[0]
	}
	return strings.Repeat("…", int(min(length(f), maxLetters)))
}

// length is 1, or what the bounds make of it.
func length(f plugins.Field) float64 {
	n := 1.0
	if f.Min != nil {
		n = max(n, math.Ceil(*f.Min))
	}
	if f.Max != nil {
		n = min(n, math.Floor(*f.Max))
	}
	return n
}

// literal writes a value on one line.
func literal(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if v[k] != nil { // there is no null in TOML
				parts = append(parts, bare(k)+" = "+literal(v[k]))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, e := range v {
			if e != nil {
				parts = append(parts, literal(e))
			}
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return scalar(v)
}

// bare is a key, in quotes if it needs them.
func bare(key string) string {
	if key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == "" {
		return key
	}
	return scalar(key)
}

// scalar writes what is one in TOML as it is in JSON.
func scalar(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\x7f", `\u007f`)
}
