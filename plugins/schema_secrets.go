package plugins

import (
	"maps"
	"slices"
)

// Secrets calls see with every value in the table that the schema marks as
// secret, with its path as in Check.
func (s Schema) Secrets(path string, table map[string]any, see func(path, value string)) {
	for _, f := range s {
		if v, there := table[f.Name]; there {
			f.secrets(joinPath(path, f.Name), v, see)
		}
	}
}

func (f Field) secrets(path string, v any, see func(path, value string)) {
	switch v := v.(type) {
	case string:
		if f.Secret {
			see(path, v)
		}
	case map[string]any:
		if f.kind() == TypeTable {
			f.Fields.Secrets(path, v, see)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			f.element().secrets(joinPath(path, key), v[key], see)
		}
	default:
		list, _ := elements(v)
		for i, e := range list {
			f.element().secrets(elementPath(path, i), e, see)
		}
	}
}
