// Package schemadoc shows a provider's schema to people and editors: as a
// reference page and as JSON Schema. It is pure, and no provider links it.
package schemadoc

import (
	"math"

	"github.com/wright-build/wright/plugins"
)

// JSON is the JSON Schema (draft 2020-12) of a provider's table in a manifest; a
// nil schema takes anything. Secrets are named there, never written.
func JSON(s plugins.Schema) map[string]any {
	table := map[string]any{"type": "object"}
	if s == nil {
		return table
	}
	properties := map[string]any{}
	var required []string
	for _, f := range s {
		properties[f.Name] = field(f)
		if f.Required {
			required = append(required, f.Name)
		}
	}
	table["properties"], table["additionalProperties"] = properties, false
	if len(required) > 0 {
		table["required"] = required
	}
	return table
}

func field(f plugins.Field) map[string]any {
	p := value(f)
	if f.Doc != "" {
		p["description"] = f.Doc
	}
	if f.Secret {
		return p
	}
	if f.Default != nil {
		p["default"] = f.Default
	}
	if f.Example != nil {
		p["examples"] = []any{f.Example}
	}
	return p
}

// value is the schema of the values alone.
func value(f plugins.Field) map[string]any {
	switch f.Type {
	case plugins.TypeInteger, plugins.TypeNumber:
		return bounded(map[string]any{"type": string(f.Type)}, f)
	case plugins.TypeBoolean:
		return map[string]any{"type": "boolean"}
	case plugins.TypeDuration:
		return map[string]any{"type": "string", "pattern": duration}
	case plugins.TypeList:
		return long(map[string]any{"type": "array", "items": value(element(f))}, f, "minItems", "maxItems")
	case plugins.TypeTable:
		if len(f.Fields) == 0 {
			return JSON(nil)
		}
		return JSON(f.Fields)
	case plugins.TypeMap:
		return map[string]any{"type": "object", "additionalProperties": value(element(f))}
	}
	return text(f)
}

// element is the field that each element of a list or a map is.
func element(f plugins.Field) plugins.Field {
	return plugins.Field{Type: f.Element, Fields: f.Fields, Secret: f.Secret}
}

func text(f plugins.Field) map[string]any {
	if f.Secret {
		return map[string]any{"type": "string", "pattern": "^" + plugins.SecretPrefix}
	}
	s := long(map[string]any{"type": "string"}, f, "minLength", "maxLength")
	if len(f.OneOf) > 0 {
		s["enum"] = f.OneOf
	}
	return s
}

// duration is what Go's durations look like.
const duration = `^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

func bounded(s map[string]any, f plugins.Field) map[string]any {
	if f.Min != nil {
		s["minimum"] = *f.Min
	}
	if f.Max != nil {
		s["maximum"] = *f.Max
	}
	return s
}

// long bounds a length, which JSON Schema wants to be whole.
func long(s map[string]any, f plugins.Field, least, most string) map[string]any {
	if f.Min != nil {
		s[least] = math.Ceil(*f.Min)
	}
	if f.Max != nil {
		s[most] = math.Floor(*f.Max)
	}
	return s
}
