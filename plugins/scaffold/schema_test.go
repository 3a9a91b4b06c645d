package scaffold

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/plugins"
)

// judge has the Python SDK hold tables against schemas: for each pair on its
// standard input it prints the full table, or the field of the error.
const judge = `
import json, sys, wright_plugin
def fields(s):
    if s is None:
        return None
    return [wright_plugin.Field(**{**f, "fields": fields(f.get("fields"))}) for f in s]
for schema, table in json.load(sys.stdin):
    try:
        print(json.dumps({"table": wright_plugin.read_table(fields(schema), "config", table)}))
    except wright_plugin.Error as e:
        print(json.dumps({"code": e.code, "field": e.field}))
`

type verdict struct {
	Table map[string]any `json:"table"`
	Code  string         `json:"code"`
	Field string         `json:"field"`
}

// The small SDK in Python judges tables as the one in Go does.
func TestSchemasInPythonAndGo(t *testing.T) {
	needsPython(t)
	pairs := schemaPairs()
	input, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-B", "-c", judge)
	cmd.Dir = filepath.Join("files", "python", "all", "src")
	cmd.Stdin = strings.NewReader(string(input))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v: %v", err, string(out))
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(pairs) {
		t.Fatalf("%d verdicts on %d tables", len(lines), len(pairs))
	}
	for i, pair := range pairs {
		var got verdict
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatal(err)
		}
		compareVerdicts(t, pair, got)
	}
}

func compareVerdicts(t *testing.T, pair [2]any, got verdict) {
	t.Helper()
	b, err := json.Marshal(pair[0])
	if err != nil {
		t.Fatal(err)
	}
	var schema plugins.Schema
	if pair[0] != nil {
		schema = schemaOf(t, b)
	}
	want := verdict{}
	table, err := plugins.DecodeConfig([]byte(pair[1].(string)))
	if err != nil {
		want.Code, want.Field = "invalid", "config"
	}
	full, errs := schema.Check("config", table)
	if err == nil && len(errs) > 0 {
		want.Code = "invalid"
		if slices.ContainsFunc(errs, func(e *plugins.Error) bool { return e.Field == got.Field }) {
			want.Field = got.Field // which of several is told first is nobody's promise
		} else {
			want.Field = errs[0].Field
		}
	}
	if got.Code != want.Code || got.Field != want.Field {
		t.Errorf("%s with %s: Python says %q at %q, Go %q at %q", b, pair[1], got.Code, got.Field, want.Code, want.Field)
	}
	if want.Code == "" && len(full)+len(got.Table) > 0 && !reflect.DeepEqual(asJSON(t, full), asJSON(t, got.Table)) {
		t.Errorf("%s with %s: Python gives %v, Go %v", b, pair[1], got.Table, full)
	}
}

func asJSON(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(b, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

func schemaOf(t *testing.T, b []byte) plugins.Schema {
	t.Helper()
	var fields []struct {
		Name, Type, Element string
		Required, Secret    bool
		Default             any
		OneOf               []string `json:"one_of"`
		Min, Max            *float64
		Fields              json.RawMessage
	}
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	s := plugins.Schema{}
	for _, f := range fields {
		field := plugins.Field{
			Name: f.Name, Type: plugins.Type(f.Type), Element: plugins.Type(f.Element), Required: f.Required, Secret: f.Secret,
			Default: f.Default, OneOf: f.OneOf, Min: f.Min, Max: f.Max,
		}
		if f.Fields != nil {
			field.Fields = schemaOf(t, f.Fields)
		}
		s = append(s, field)
	}
	return s
}

// schemaPairs are all kinds of fields with all kinds of values.
func schemaPairs() [][2]any {
	type o = map[string]any
	schemas := []any{
		nil, []o{},
		[]o{{"name": "a"}},
		[]o{{"name": "a", "required": true}, {"name": "b", "default": "x"}},
		[]o{{"name": "a", "one_of": []string{"x", "y"}, "default": "y"}},
		[]o{{"name": "a", "min": 1, "max": 3}},
		[]o{{"name": "a", "secret": true, "one_of": []string{"x"}}},
		[]o{{"name": "a", "type": "integer", "min": 0, "max": 10}},
		[]o{{"name": "a", "type": "integer", "default": 7}},
		[]o{{"name": "a", "type": "number", "max": 0.5}},
		[]o{{"name": "a", "type": "boolean"}},
		[]o{{"name": "a", "type": "duration"}},
		[]o{{"name": "a", "type": "list", "max": 2}},
		[]o{{"name": "a", "type": "list", "element": "integer"}},
		[]o{{"name": "a", "type": "map", "element": "boolean"}},
		[]o{{"name": "a", "type": "table", "fields": []o{{"name": "b", "type": "integer", "default": 1}, {"name": "c"}}}},
		[]o{{"name": "a", "type": "list", "element": "table", "fields": []o{{"name": "b", "required": true}}}},
	}
	values := []string{
		`"x"`, `""`, `"xxxx"`, `"ü"`, `"üü"`, `"secret:name"`, `"90s"`, `"1h30m"`, `"-1.5s"`, `"0"`, `"1 h"`, `"1d"`, `"h"`, `"+1s"`, `"1"`, `".5s"`, `"1.s"`,
		`0`, `1`, `7.0`, `7.5`, `-1`, `11`, `1e3`, `1e400`, `9007199254740993`, `true`, `false`, `null`,
		`[]`, `["x"]`, `["x","y","z"]`, `[1,"x"]`, `[1,2.5]`, `{}`, `{"b":2}`, `{"b":"x"}`, `{"c":"x"}`, `{"d":1}`, `{"b":true,"c":"x"}`, `{"":"x"}`, `{"b c":1}`,
		`[{"b":"x"},{}]`, `[{"b":1}]`, `[{"b":"x","z":1}]`, `[[]]`,
	}
	var pairs [][2]any
	for _, s := range schemas {
		pairs = append(pairs, [2]any{s, ``}, [2]any{s, `{}`}, [2]any{s, `[]`}, [2]any{s, `{"z":1}`}, [2]any{s, `{"a b":1}`}, [2]any{s, `{"ü.x":1}`}, [2]any{s, `{`}, [2]any{s, `null`})
		for _, v := range values {
			pairs = append(pairs, [2]any{s, `{"a":` + v + `}`})
		}
	}
	return pairs
}
