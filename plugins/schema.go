package plugins

import (
	"encoding/json"
	"fmt"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// Type is the type of a key's value.
type Type string

// The types. Of a list and a map Field.Element says what is in them.
const (
	TypeString   Type = "string"
	TypeInteger  Type = "integer"
	TypeNumber   Type = "number"
	TypeBoolean  Type = "boolean"
	TypeDuration Type = "duration" // as a string: "90s", "1h30m"
	TypeList     Type = "list"
	TypeTable    Type = "table" // with the keys of Field.Fields
	TypeMap      Type = "map"   // with keys of the user's choice
)

// Schema says which keys a table may have. A nil Schema takes any; an empty one
// takes none.
type Schema []Field

// Field is one key of a table. The zero values are the usual ones: an optional
// string without a default.
type Field struct {
	Name     string   // kebab-case
	Type     Type     // default TypeString
	Doc      string   // a sentence, for the reference page and the editor
	Required bool     // it has no default and must be there
	Secret   bool     // a string that no log, error or page may show
	Default  any      // the value that a missing key of a table that is there has
	OneOf    []string // of a string: the values there are
	Min, Max *float64 // of a number; of the length of a list, and of a string in characters
	Element  Type     // of a list or a map: the type of what is in it; default TypeString
	Fields   Schema   // of a table, and of the tables in a list or a map; none means anything goes
	Example  any      // for the reference page
}

// Bound gives what Field.Min and Field.Max point at.
func Bound(n float64) *float64 { return &n }

// What a schema may hold at most.
const (
	maxFields    = 200  // of one table; values to choose from, too
	maxAllFields = 2000 // of all tables
	maxNesting   = 8
	maxDoc       = 16 << 10 // bytes of a text
	maxValueJSON = 4 << 10  // bytes of a default or an example
)

func (s Schema) toProto() (*pluginv1.Schema, error) {
	if s == nil {
		return nil, nil
	}
	fields, err := fieldsToProto(s)
	return &pluginv1.Schema{Fields: fields}, err
}

func fieldsToProto(s Schema) ([]*pluginv1.Field, error) {
	list := make([]*pluginv1.Field, 0, len(s))
	for _, f := range s {
		p := &pluginv1.Field{
			Name: f.Name, Type: string(f.kind()), Doc: f.Doc, Required: f.Required, Secret: f.Secret,
			OneOf: f.OneOf, Min: f.Min, Max: f.Max, Element: string(f.Element),
		}
		var err error
		if p.DefaultJson, err = valueToJSON(f.Default); err != nil {
			return nil, fmt.Errorf("default of %s: %w", f.Name, err)
		}
		if p.ExampleJson, err = valueToJSON(f.Example); err != nil {
			return nil, fmt.Errorf("example of %s: %w", f.Name, err)
		}
		if p.Fields, err = fieldsToProto(f.Fields); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func valueToJSON(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// kind is the type, or the default.
func (f Field) kind() Type {
	if f.Type == "" {
		return TypeString
	}
	return f.Type
}

// element is the field that each element of a list or a map is.
func (f Field) element() Field {
	return Field{Type: f.Element, Fields: f.Fields, Secret: f.Secret}
}

// schemaFromProto reads what a plugin states. What no schema can be is invalid.
func schemaFromProto(s *pluginv1.Schema) (Schema, error) {
	if s == nil {
		return nil, nil
	}
	read, err := fieldsFromProto(s.GetFields(), 0)
	if err != nil {
		return nil, err
	}
	return read, read.Validate()
}

func fieldsFromProto(list []*pluginv1.Field, depth int) (Schema, error) {
	if len(list) > maxFields || depth > maxNesting {
		return nil, tooLarge()
	}
	s := Schema{}
	for _, p := range list {
		f, err := fieldFromProto(p, depth)
		if err != nil {
			return nil, err
		}
		s = append(s, f)
	}
	return s, nil
}

func fieldFromProto(p *pluginv1.Field, depth int) (Field, error) {
	f := Field{
		Name: p.GetName(), Type: Type(p.GetType()), Doc: p.GetDoc(), Required: p.GetRequired(), Secret: p.GetSecret(),
		OneOf: p.GetOneOf(), Min: p.Min, Max: p.Max, Element: Type(p.GetElement()),
	}
	var err error
	if f.Default, err = valueFromJSON(p.GetDefaultJson()); err != nil {
		return f, Invalidf("schema", "default of %.60q: %w", f.Name, err)
	}
	if f.Example, err = valueFromJSON(p.GetExampleJson()); err != nil {
		return f, Invalidf("schema", "example of %.60q: %w", f.Name, err)
	}
	if len(p.GetFields()) > 0 {
		f.Fields, err = fieldsFromProto(p.GetFields(), depth+1)
	}
	return f, err
}

func valueFromJSON(b []byte) (any, error) {
	if len(b) > maxValueJSON {
		return nil, fmt.Errorf("%d bytes are too many, at most %d", len(b), maxValueJSON)
	}
	if len(b) == 0 {
		return nil, nil
	}
	var v any
	err := json.Unmarshal(b, &v)
	return v, err
}
