package schemadoc

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wright-build/wright/plugins"
)

// schemas draws a schema that Validate takes.
func schemas(depth int) *rapid.Generator[plugins.Schema] {
	return rapid.Custom(func(t *rapid.T) plugins.Schema {
		s := plugins.Schema{}
		for i := range rapid.IntRange(0, 4).Draw(t, "fields") {
			s = append(s, drawField(t, fmt.Sprintf("k%d", i), depth))
		}
		return s
	})
}

func drawField(t *rapid.T, name string, depth int) plugins.Field {
	types := []plugins.Type{"", plugins.TypeString, plugins.TypeInteger, plugins.TypeNumber, plugins.TypeBoolean, plugins.TypeDuration}
	if depth > 0 {
		types = append(types, plugins.TypeList, plugins.TypeTable, plugins.TypeMap)
	}
	f := plugins.Field{Name: name, Type: rapid.SampledFrom(types).Draw(t, "type"), Required: rapid.Bool().Draw(t, "required")}
	switch f.Type {
	case plugins.TypeList, plugins.TypeMap:
		f.Element = rapid.SampledFrom([]plugins.Type{"", plugins.TypeInteger, plugins.TypeBoolean, plugins.TypeDuration, plugins.TypeTable}).Draw(t, "element")
	case plugins.TypeString:
		if rapid.Bool().Draw(t, "choice") {
			f.OneOf = []string{"a", "b"}
		}
	}
	if f.Type == plugins.TypeTable || f.Element == plugins.TypeTable {
		f.Fields = schemas(depth-1).Draw(t, "inside")
	}
	if f.Type != plugins.TypeBoolean && f.Type != plugins.TypeDuration && f.Type != plugins.TypeTable && f.Type != plugins.TypeMap && rapid.Bool().Draw(t, "bounded") {
		low := rapid.SampledFrom([]float64{0, 0.5, 1, 2}).Draw(t, "min")
		f.Min, f.Max = plugins.Bound(low), plugins.Bound(low+rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "more"))
	}
	return f
}

// tables draws a table that is mostly what the schema wants.
func drawTable(t *rapid.T, s plugins.Schema) map[string]any {
	table := map[string]any{}
	for _, f := range s {
		if rapid.IntRange(0, 9).Draw(t, "there") > 1 {
			table[f.Name] = drawValue(t, f)
		}
	}
	if rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
		table["k9"] = 1
	}
	return table
}

func drawValue(t *rapid.T, f plugins.Field) any {
	if rapid.IntRange(0, 14).Draw(t, "wrong") == 0 {
		return rapid.SampledFrom([]any{nil, "x", 1.0, 0.25, true, []any{}, map[string]any{}, []any{1.0}}).Draw(t, "other")
	}
	switch f.Type {
	case plugins.TypeInteger, plugins.TypeNumber:
		return rapid.SampledFrom([]float64{-1, 0, 0.5, 1, 1.5, 2, 3, 1e6}).Draw(t, "number")
	case plugins.TypeBoolean:
		return rapid.Bool().Draw(t, "boolean")
	case plugins.TypeDuration:
		return rapid.SampledFrom([]string{"90s", "1h30m", "0", "1d", "", "1", "-1.5h", "+.5us"}).Draw(t, "duration")
	case plugins.TypeList:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			list = append(list, drawValue(t, element(f)))
		}
		return list
	case plugins.TypeTable:
		return drawTable(t, f.Fields)
	case plugins.TypeMap:
		return map[string]any{"x.y": drawValue(t, element(f))}
	}
	return rapid.SampledFrom([]string{"", "a", "b", "ä", "äö", "abc"}).Draw(t, "string")
}

// TestJSONSchemaAgreesWithCheckOnAnything draws schemas and tables: what an
// editor says of a table is what Check says.
func TestJSONSchemaAgreesWithCheckOnAnything(t *testing.T) {
	good, bad := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		s := schemas(2).Draw(rt, "schema")
		if err := s.Validate(); err != nil {
			rt.Fatalf("%+v: %v", s, err)
		}
		table := drawTable(rt, s)
		_, errs := s.Check("", table)
		err := validator(t, JSON(s)).Validate(asJSON(t, table))
		if (err == nil) != (len(errs) == 0) {
			text, _ := json.MarshalIndent(JSON(s), "", " ")
			rt.Fatalf("%v: Check says %v, the JSON Schema %v\n%s", table, errs, err, text)
		}
		if err == nil {
			good++
		} else {
			bad++
		}
		for _, e := range errs {
			if !strings.HasPrefix(e.Field, "k") {
				rt.Errorf("%v is about %q", e, e.Field)
			}
		}
	})
	// -short draws too few for either count to be sure of.
	if !testing.Short() && (good < 5 || bad < 5) {
		t.Errorf("only %d good and %d bad tables were drawn", good, bad)
	}
}
