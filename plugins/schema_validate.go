package plugins

import "math"

// Validate says what is wrong with the schema itself: names, types, defaults
// that it would not take. Serve refuses to serve such a plugin, and a host
// refuses to believe it.
func (s Schema) Validate() error {
	left := maxAllFields
	return s.validate("", 0, &left)
}

// validate is Validate of a table in a table; left is how many fields there may
// still be.
func (s Schema) validate(path string, depth int, left *int) error {
	if *left -= len(s); len(s) > maxFields || depth > maxNesting || *left < 0 {
		return tooLarge()
	}
	seen := map[string]bool{}
	for _, f := range s {
		switch at := joinPath(path, f.Name); {
		case !isKey(f.Name):
			return Invalidf("schema", "%s is no key: use a-z, 0-9 and -, a letter first", at)
		case seen[f.Name]:
			return Invalidf("schema", "%s is there twice", at)
		default:
			seen[f.Name] = true
			if err := f.validate(at, depth, left); err != nil {
				return err
			}
		}
	}
	return nil
}

func tooLarge() error {
	return Invalidf("schema", "has more than %d fields in a table, more than %d in all or more than %d tables in each other",
		maxFields, maxAllFields, maxNesting)
}

func (f Field) validate(path string, depth int, left *int) error {
	for _, wrong := range []string{f.wrongShape(), f.wrongText(), f.wrongSecret(), f.wrongBounds()} {
		if wrong != "" {
			return Invalidf("schema", "%s %s", path, wrong)
		}
	}
	if err := f.Fields.validate(path, depth+1, left); err != nil {
		return err
	}
	return f.validateValues(path)
}

// wrongShape says what is wrong with the types, empty if nothing is.
func (f Field) wrongShape() string {
	holds := f.kind() == TypeList || f.kind() == TypeMap
	switch {
	case !isType(f.kind()):
		return "has a type that there is not"
	case f.Element != "" && !holds:
		return "has an element, but is neither a list nor a map"
	case f.Element != "" && !isType(f.Element):
		return "has elements of a type that there is not"
	case len(f.Fields) > 0 && f.kind() != TypeTable && (!holds || f.Element != TypeTable):
		return "has fields, but is neither a table nor a list or a map of them"
	case f.Required && f.Default != nil:
		return "is required and has a default: it cannot be both"
	}
	return ""
}

func (f Field) wrongText() string {
	switch {
	case len(f.Doc) > maxDoc:
		return "has a text that is too long"
	case len(f.OneOf) > maxFields:
		return "has too many values to choose from"
	case len(f.OneOf) > 0 && f.kind() != TypeString:
		return "has values to choose from, but is no string"
	}
	for _, s := range f.OneOf {
		if CheckText("", s) != nil {
			return "has a value to choose from that is too long, or no text"
		}
	}
	return ""
}

// wrongSecret keeps secrets out of what anybody may read.
func (f Field) wrongSecret() string {
	holds := (f.kind() == TypeList || f.kind() == TypeMap) && f.element().kind() == TypeString
	switch {
	case !f.Secret:
		return ""
	case f.kind() != TypeString && !holds:
		return "is secret, which only a string, or a list or map of strings, can be"
	case len(f.OneOf) > 0:
		return "is secret, but everybody sees the values to choose from"
	}
	return ""
}

func (f Field) wrongBounds() string {
	for _, bound := range []*float64{f.Min, f.Max} {
		if bound == nil {
			continue
		}
		switch f.kind() {
		case TypeInteger, TypeNumber, TypeString, TypeList:
		default:
			return "has bounds, which only a number, a string and a list can have"
		}
		if math.IsNaN(*bound) || math.IsInf(*bound, 0) {
			return "has a bound that is no number"
		}
		if *bound < 0 && (f.kind() == TypeString || f.kind() == TypeList) {
			return "has a length below 0"
		}
	}
	if f.Min != nil && f.Max != nil && *f.Min > *f.Max {
		return "has a least value above its greatest"
	}
	return ""
}

// validateValues wants the default and the example to be values of the field.
func (f Field) validateValues(path string) error {
	for name, v := range map[string]any{"a default": f.Default, "an example": f.Example} {
		if v == nil {
			continue
		}
		if b, err := valueToJSON(v); err != nil || len(b) > maxValueJSON {
			return Invalidf("schema", "%s has %s that is no value of at most %d bytes", path, name, maxValueJSON)
		}
		if _, errs := f.check(path, v); len(errs) > 0 {
			return Invalidf("schema", "%s that does not fit: %w", name, errs[0])
		}
	}
	return nil
}

func isKey(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '-' && c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func isType(t Type) bool {
	switch t {
	case TypeString, TypeInteger, TypeNumber, TypeBoolean, TypeDuration, TypeList, TypeTable, TypeMap:
		return true
	}
	return false
}
