package manifests

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// notes lists what is right and still worth a remark, in the order of the text.
func (t table) notes(p *Periodic) []Note {
	var notes []Note
	if often := p.often(); often != "" {
		notes = append(notes, Note{Place: t.lines.place(t.node.child("periodic").key), Key: "periodic", Message: often})
	}
	notes = append(notes, t.secrets("", t.node, t.values)...)
	slices.SortStableFunc(notes, func(a, b Note) int { return a.Place.Line - b.Place.Line })
	return notes
}

// mayNameSecret are the places in which a secret may be named: the environment
// of steps, the providers' own tables, and what signs and logs in where somebody
// is to hear of something.
var mayNameSecret = regexp.MustCompile(`^(step\[\d+\]\.env|(appserver|dns|balancer|runner|(database|notify\.plugin)\[\d+\])\.[a-z0-9-]+)\.` +
	`|^notify\.(webhook\[\d+\]\.secret|status\.token)$`)

// secretName is what secrets are called.
var secretName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// named judges a value that names a secret.
func (t table) named(path string, at *node, value string) []Note {
	name := strings.TrimPrefix(value, "secret:")
	switch {
	case !mayNameSecret.MatchString(path):
		message := show(value) + " is handed on as it is: secrets are named in the env of steps and in providers' tables only"
		return []Note{{Place: t.lines.place(at.value), Key: path, Message: message}}
	case !secretName.MatchString(name):
		t.fail(at.value, path, "it names no secret", "use a-z, 0-9 and -, at most 63 characters")
	}
	return nil
}

// secrets finds the values that name a secret.
func (t table) secrets(path string, at *node, value any) (notes []Note) {
	switch v := value.(type) {
	case string:
		if strings.HasPrefix(v, "secret:") {
			notes = append(notes, t.named(path, at, v)...)
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
