package manifests

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// withoutEffect lists the tables whose deed is not built yet.
func withoutEffect() map[string]string {
	return map[string]string{
		"periodic": "periodic has no effect yet: nothing is built by schedule in this release",
		"notify":   "notify has no effect yet: nobody is told of failures in this release",
	}
}

// notes lists what has no effect yet, in the order of the text.
func (t table) notes() []Note {
	var notes []Note
	messages := withoutEffect()
	for _, key := range slices.Sorted(maps.Keys(messages)) {
		if t.has(key) {
			notes = append(notes, Note{Place: t.lines.place(t.node.child(key).key), Key: key, Message: messages[key]})
		}
	}
	notes = append(notes, t.secrets("", t.node, t.values)...)
	slices.SortStableFunc(notes, func(a, b Note) int { return a.Place.Line - b.Place.Line })
	return notes
}

// secrets finds the values that name a secret.
func (t table) secrets(path string, at *node, value any) (notes []Note) {
	switch v := value.(type) {
	case string:
		if strings.HasPrefix(v, "secret:") {
			message := show(v) + " has no effect yet: secrets are not kept in this release, and the text is handed on as it is"
			notes = append(notes, Note{Place: t.lines.place(at.value), Key: path, Message: message})
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			notes = append(notes, t.secrets(join(path, key), at.child(key), v[key])...)
		}
	case []map[string]any:
		for i, item := range v {
			notes = append(notes, t.secrets(fmt.Sprintf("%s[%d]", path, i+1), at.item(i), item)...)
		}
	case []any:
		for i, item := range v {
			notes = append(notes, t.secrets(fmt.Sprintf("%s[%d]", path, i+1), at.item(i), item)...)
		}
	}
	return notes
}
