package manifests

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"
)

// known are providers with and without keys.
func known() []ProviderSchema {
	return []ProviderSchema{
		{Kind: "cloud", Name: "moon", Doc: "Servers on the moon.\n\nMore.", Table: object{
			"type": "object", "properties": object{"region": object{"enum": []string{"near", "far"}}},
			"required": []string{"region"}, "additionalProperties": false,
		}},
		{Kind: "cloud", Name: "process"},
		{Kind: "cloud", Name: "health"}, // cannot be named: it is a key
		{Kind: "dns", Name: "hosts", Table: object{"type": "object", "additionalProperties": false}},
		{Kind: "database", Name: "mysql"},
		{Kind: "notifier", Name: "file"},
	}
}

func asJSON(t testing.TB, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	read, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func compiled(t testing.TB, providers []ProviderSchema) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	if err := c.AddResource("wright.schema.json", asJSON(t, JSONSchema(providers))); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("wright.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// keysOf lists the keys that a schema has, as Keys does.
func keysOf(s object, path string, see func(path string, key object)) {
	if items, ok := s["items"].(object); ok {
		s = items
	}
	properties, _ := s["properties"].(object)
	for name, p := range properties {
		see(join(path, name), p.(object))
		keysOf(p.(object), join(path, name), see)
	}
	if more, open := s["additionalProperties"].(object); open && more["description"] != nil {
		see(join(path, provider), more)
	}
}

func TestJSONSchemaHasEveryKey(t *testing.T) {
	got := map[string]bool{}
	keysOf(JSONSchema(nil), "", func(path string, key object) {
		got[path] = true
		if key["type"] == nil && key["enum"] == nil && key["anyOf"] == nil {
			t.Errorf("%s may be anything", path)
		}
		if doc, _ := key["description"].(string); doc == "" {
			t.Errorf("%s is not described", path)
		}
	})
	for _, doc := range Keys() {
		if !got[doc.Path] {
			t.Errorf("the parser knows %s, the schema does not", doc.Path)
		}
		delete(got, doc.Path)
	}
	for path := range got {
		t.Errorf("the schema has %s, the parser does not", path)
	}
}

// An editor must take what Parse takes, and find the plain mistakes.
func TestJSONSchemaAgreesWithParse(t *testing.T) {
	s, taken, refused := compiled(t, nil), 0, 0
	for name, text := range manifestTexts(t) {
		values, err := unmarshal(text)
		if _, notJSON := json.Marshal(values); err != nil || notJSON != nil {
			continue
		}
		_, parseErr := Parse("shop.toml", []byte(text))
		err = s.Validate(asJSON(t, values))
		switch {
		case parseErr == nil && err != nil:
			t.Errorf("%s is good, the schema says: %v\n%s", name, err, text)
		case parseErr == nil:
			taken++
		case isPlain(parseErr) && err == nil:
			t.Errorf("%s is taken by the schema, but: %v\n%s", name, parseErr, text)
		case isPlain(parseErr):
			refused++
		}
	}
	if taken < 8 || refused < 12 {
		t.Errorf("only %d good and %d bad manifests were tried", taken, refused)
	}
}

// isPlain says whether one of the errors is of a sort that the schema must find.
func isPlain(err error) bool {
	var errs Errors
	return errors.As(err, &errs) && slices.ContainsFunc(errs, func(e *Error) bool {
		return strings.HasPrefix(e.Message, "unknown key") || strings.Contains(e.Message, ": want a") || strings.HasSuffix(e.Message, " is missing")
	})
}

func manifestTexts(t *testing.T) map[string]string {
	texts := map[string]string{}
	archives, _ := filepath.Glob("testdata/*.txtar")
	for _, path := range archives {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if strings.HasSuffix(f.Name, ".toml") {
				texts[path+": "+f.Name] = string(f.Data)
			}
		}
	}
	files, _ := filepath.Glob("../examples/manifests/*.toml")
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(text)
	}
	return texts
}

// whole has every table and every key that must be there.
const whole = `source = {git = "https://git.example.test/shop.git"}
watch = [{hg = "https://hg.example.test/theme"}]
lock = [{name = "staging"}]
step = [{run = "make"}]
runner = {provider = "local"}
appserver = {cloud = "process", health = {http = "/"}}
dns = {provider = "hosts", domain = "shop.example.test"}
balancer = {provider = "proxy", name = "shop.example.test"}
database = [{provider = "mysql", name = "shop"}]
periodic = {interval = "1 00:00:00"}
notify = {on-failure = "ann@example.test", webhook = [{url = "https://h/", secret = "secret:x"}], status = {kind = "gitea", token = "secret:x", project = "ann/shop"}, plugin = [{provider = "file"}]}
`

// What the keys call required is what Parse misses, and the schema too.
func TestRequiredIsWhatMustBeThere(t *testing.T) {
	s := compiled(t, nil)
	for _, doc := range Keys() {
		parent, name := splitKey(doc.Path)
		if parent == "" || name == provider || strings.HasPrefix(doc.Path, "auto-watch") {
			continue
		}
		values, inside := inWhole(t, parent)
		_, there := inside[name]
		if doc.Default == required && !there {
			t.Errorf("%s is required, but the whole manifest lacks it", doc.Path)
		}
		if delete(inside, name); !there {
			continue
		}
		if name == "git" || name == "hg" || name == "interval" { // one of two must be there
			continue
		}
		_, parseErr := Parse("shop.toml", []byte(asTOML(t, values)))
		missed := parseErr != nil && strings.Contains(parseErr.Error(), name+" is missing")
		if missed != (doc.Default == required) {
			t.Errorf("%s has default %q; without it Parse says: %v", doc.Path, doc.Default, parseErr)
		}
		if err := s.Validate(asJSON(t, values)); (err == nil) == missed {
			t.Errorf("without %s the schema says %v, Parse %v", doc.Path, err, parseErr)
		}
	}
}

// inWhole is the whole manifest and one of its tables.
func inWhole(t *testing.T, path string) (values, table object) {
	values, err := unmarshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	table = values
	for part := range strings.SplitSeq(path, ".") {
		switch v := table[part].(type) {
		case object:
			table = v
		case []object:
			table = v[0]
		case []any:
			table = v[0].(object)
		}
	}
	return values, table
}

// No key takes a float, nor a date.
func TestWrongTypesAreFound(t *testing.T) {
	s := compiled(t, nil)
	for _, doc := range Keys() {
		parent, name := splitKey(doc.Path)
		if name == provider || parent == "auto-watch" {
			continue
		}
		values, inside := inWhole(t, parent)
		inside[name] = 7.5
		if _, err := Parse("shop.toml", []byte(asTOML(t, values))); err == nil {
			t.Errorf("%s = 7.5: Parse says %v", doc.Path, err)
		}
		if s.Validate(asJSON(t, values)) == nil {
			t.Errorf("%s = 7.5 is taken by the schema", doc.Path)
		}
	}
}

// asTOML writes values whose JSON is TOML but for the colons.
func asTOML(t *testing.T, values object) string {
	var b strings.Builder
	for key, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(key + " = " + strings.ReplaceAll(string(text), `":`, `" = `) + "\n")
	}
	return b.String()
}

func TestJSONSchemaOfProviders(t *testing.T) {
	s := compiled(t, known())
	for text, good := range map[string]bool{
		"cloud = \"moon\"\nmoon.region = \"far\"":               true,
		"cloud = \"moon\"":                                      false, // region is missing
		"cloud = \"moon\"\nmoon.region = \"up\"":                false,
		"cloud = \"moon\"\nmoon.regoin = \"far\"":               false,
		"cloud = \"process\"":                                   true,
		"cloud = \"process\"\nprocess.any = 1":                  true,
		"cloud = \"process\"\nmoon.region = \"far\"":            false, // for another
		"cloud = \"mars\"":                                      true,  // not known here
		"cloud = \"mars\"\nmars.any = 1":                        true,
		"cloud = \"mars\"\nflavour = \"small\"":                 false,
		"cloud = \"Mars\"":                                      false,
		"moon.region = \"far\"":                                 false, // without a name
		"cloud = \"process\"\nhealth = {http = \"/\"}":          true,
		"cloud = \"process\"\nhealth = {http = \"/\", any = 1}": false,
		"cloud = \"process\"\n[dns]\nprovider = \"hosts\"\ndomain = \"a.test\"\nhosts = {}":  true,
		"cloud = \"process\"\n[dns]\nprovider = \"hosts\"\ndomain = \"a.test\"\nhosts.x = 1": false,
		"cloud = \"process\"\n[[database]]\nprovider = \"mysql\"\nname = \"a\"\nmysql.x = 1": true,
	} {
		values, err := unmarshal("[appserver]\n" + text)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(asJSON(t, values)); (err == nil) != good {
			t.Errorf("good %v, but: %v\n%s", good, err, text)
		}
	}
	table := JSONSchema(known())["properties"].(object)["appserver"].(object)["properties"].(object)
	if doc := table["moon"].(object)["description"]; doc != "Servers on the moon." {
		t.Errorf("the provider is described as %q", doc)
	}
	if table["keep"].(object)["default"] != int64(2) || table["activate"].(object)["default"] != "on-success" {
		t.Errorf("keep is %v, activate %v", table["keep"], table["activate"])
	}
}
