package manifests

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ProviderSchema is what is known of a provider that manifests may name.
type ProviderSchema struct {
	Kind, Name string         // as in Use
	Doc        string         // what it is for; may be empty
	Table      map[string]any // JSON Schema of the provider's own table; nil takes anything
}

// JSONSchema is the JSON Schema (draft 2020-12) of manifests, made of Keys, for
// editors that complete and check them. Of providers that are not known, any
// table is taken. It is no judge: Parse finds more.
func JSONSchema(providers []ProviderSchema) map[string]any {
	s := schemaMaker{below: map[string][]KeyDoc{}, providers: providers}
	for _, doc := range Keys() {
		parent, _ := splitKey(doc.Path)
		s.below[parent] = append(s.below[parent], doc)
	}
	root := s.table("")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"], root["description"] = "Wright's manifest", "What an instance is made of; one file NAME.toml for each."
	return root
}

// splitKey splits the path of a key into that of its table and its name.
func splitKey(path string) (table, name string) {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

type schemaMaker struct {
	below     map[string][]KeyDoc // path of a table -> its keys
	providers []ProviderSchema
}

// object is a JSON object, for short.
type object = map[string]any

func (s schemaMaker) table(path string) object {
	properties, must := object{}, []string{}
	t := object{"type": "object", "properties": properties, "additionalProperties": false}
	for _, doc := range s.below[path] {
		_, name := splitKey(doc.Path)
		if name == provider {
			s.ownTables(t, path, doc)
			continue
		}
		properties[name] = s.key(doc)
		if doc.Default == required {
			must = append(must, name)
		}
	}
	if len(must) > 0 {
		t["required"] = must
	}
	if properties["git"] != nil && properties["hg"] != nil {
		t["oneOf"] = []any{object{"required": []string{"git"}}, object{"required": []string{"hg"}}}
	}
	return t
}

// key is the schema of one key, with what an editor shows.
func (s schemaMaker) key(doc KeyDoc) object {
	p := s.value(doc)
	p["description"] = doc.Doc
	if v, err := unmarshal("default = " + doc.Default); err == nil && doc.Default != required {
		p["default"] = v["default"]
	} else if doc.Default != "" && doc.Default != required {
		p["description"] = doc.Doc + " (default: " + doc.Default + ")"
	}
	return p
}

// value reads what a KeyDoc says may be written. What it does not understand
// may be anything; a test holds that there is none.
func (s schemaMaker) value(doc KeyDoc) object {
	text := object{"type": "string", "minLength": 1}
	texts := object{"type": "array", "items": text}
	parent, name := splitKey(doc.Path)
	first, _, _ := strings.Cut(doc.Type, ",")
	switch {
	case name == providerKey(parent) && s.kind(parent) != "":
		return s.providerName(parent)
	case strings.HasPrefix(doc.Type, `"`):
		return object{"enum": quotedIn(doc.Type)}
	case doc.Type == "array of strings, or one with commas":
		texts["type"], texts["minLength"] = []string{"array", "string"}, 1
		return texts
	case doc.Type == "boolean or table":
		t := s.table(doc.Path)
		t["type"] = []string{"boolean", "object"}
		return t
	}
	switch first {
	case "string":
		return text
	case "boolean":
		return object{"type": "boolean"}
	case "integer":
		return wholeNumber(doc.Type)
	case "duration":
		return spanOf(durationForm)
	case "interval":
		return spanOf(durationForm + `|^PT?[0-9]|^[0-9]+ days?,?( |$)|^([0-9]+ )?[0-9]+:[0-9]{2}:[0-9]{2}`)
	case "array of strings":
		return texts
	case "table of strings":
		return object{"type": "object", "additionalProperties": object{"type": "string"}}
	case "array of tables":
		return object{"type": "array", "items": s.table(doc.Path)}
	case "table":
		return s.table(doc.Path)
	}
	return object{}
}

// durationForm is what Go's durations look like.
const durationForm = `^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

// spanOf takes a duration as text, or seconds.
func spanOf(form string) object {
	return object{"type": []string{"string", "integer"}, "pattern": form, "minimum": 0}
}

var numbers = regexp.MustCompile(`(-?\d+) to (-?\d+)`)

// wholeNumber reads the bounds in "integer, 1 to 100".
func wholeNumber(text string) object {
	n := object{"type": "integer"}
	if bounds := numbers.FindStringSubmatch(text); bounds != nil {
		n["minimum"], _ = strconv.Atoi(bounds[1])
		n["maximum"], _ = strconv.Atoi(bounds[2])
	}
	return n
}

// quotedIn lists what stands in quotes.
func quotedIn(text string) []string {
	var all []string
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			all = append(all, part)
		}
	}
	return all
}

// kind is the kind of the provider that a table names, "" if it names none.
func (s schemaMaker) kind(table string) string {
	if !slices.ContainsFunc(s.below[table], func(d KeyDoc) bool { return d.Path == table+"."+provider }) {
		return ""
	}
	switch table {
	case "appserver":
		return "cloud"
	case "notify.plugin":
		return "notifier"
	}
	return table
}

// providerKey is the key of a table that names its provider.
func providerKey(table string) string {
	if table == "appserver" {
		return "cloud"
	}
	return "provider"
}

// of lists the providers that a table may name. One whose name is a key of the
// table cannot be named.
func (s schemaMaker) of(table string) []ProviderSchema {
	var all []ProviderSchema
	for _, p := range s.providers {
		if p.Kind == s.kind(table) && isProvider(p.Name) &&
			!slices.ContainsFunc(s.below[table], func(d KeyDoc) bool { return d.Path == table+"."+p.Name }) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b ProviderSchema) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// providerName offers the providers that are known, and takes others too.
func (s schemaMaker) providerName(table string) object {
	other := object{"type": "string", "pattern": `^[a-z][a-z0-9-]{0,31}$`}
	var names []string
	for _, p := range s.of(table) {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return other
	}
	return object{"anyOf": []any{object{"enum": names}, other}}
}

// ownTables gives a table those of its providers: the one that is named may have
// one, and must if that has a key that must be there.
func (s schemaMaker) ownTables(t object, path string, doc KeyDoc) {
	properties, only, must := t["properties"].(object), object{}, []any{}
	t["additionalProperties"] = object{"type": "object", "description": doc.Doc}
	for _, p := range s.of(path) {
		own := object{"type": "object"}
		for k, v := range p.Table {
			own[k] = v
		}
		own["description"] = firstLine(cmp.Or(p.Doc, fmt.Sprintf("the own settings of the %s provider %s", p.Kind, p.Name)))
		properties[p.Name] = own
		named := object{"properties": object{providerKey(path): object{"const": p.Name}}, "required": []string{providerKey(path)}}
		only[p.Name] = named
		if p.Table["required"] != nil {
			must = append(must, object{"if": named, "then": object{"required": []string{p.Name}}})
		}
	}
	if len(only) > 0 {
		t["dependentSchemas"] = only
	}
	if len(must) > 0 {
		t["allOf"] = must
	}
}

// firstLine is what of a longer text fits beside a key.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(s)
}
