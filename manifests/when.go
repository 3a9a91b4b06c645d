package manifests

import (
	"fmt"
	"slices"
	"strings"
)

// maxAfter bounds the instances that one waits for.
const maxAfter = 100

// When says what starts a build, besides that something moved.
type When struct {
	After  []string `json:"after,omitempty"`   // instances whose success starts a build
	Paths  *Paths   `json:"paths,omitempty"`   // of the source; nil: all count
	NoSkip bool     `json:"no_skip,omitempty"` // also what commits say is to be skipped
	Place  Place    `json:"-"`                 // of After
}

func whenKeys() []KeyDoc {
	return []KeyDoc{
		{"after", "array of strings", "[]", "instances: when a build of one succeeds, this one is built"},
		{"only-if-changed", "array of strings", "all", `paths of the source, such as "src/**": commits that change none of them start nothing`},
		{"ignore-changed", "array of strings", "[]", `paths of the source, such as "docs/**": commits that change nothing else start nothing`},
		{"skip-marks", "boolean", "true", `a commit whose message says "[skip ci]" starts nothing`},
	}
}

// watchPathKeys are the keys of [[watch]] that only a manifest has.
func watchPathKeys() []KeyDoc {
	return []KeyDoc{
		{"watch.only-if-changed", "array of strings", "all", "paths of this repository: commits that change none of them start nothing"},
		{"watch.ignore-changed", "array of strings", "[]", "paths of this repository: commits that change nothing else start nothing"},
	}
}

func (t table) when(instance string) When {
	w := When{After: t.after(instance), Paths: t.paths(), NoSkip: !t.boolean("skip-marks", true)}
	if len(w.After) > 0 {
		w.Place = t.place("after")
	}
	if source, _ := t.values["source"].(map[string]any); w.Paths != nil && source["git"] == nil {
		for _, key := range []string{"only-if-changed", "ignore-changed"} {
			if t.has(key) {
				t.bad(key, instead("leave it out, or write it into the [[watch]] that it is about", "there is no source in git whose paths it could mean"))
			}
		}
	}
	return w
}

// after lists the instances that this one follows.
func (t table) after(instance string) []string {
	const key = "after"
	all, _ := t.list(key, `write after = ["lib"]`)
	if len(all) > maxAfter {
		t.bad(key, fmt.Errorf("has %d entries, at most %d are allowed", len(all), maxAfter))
		return nil
	}
	for i, name := range all {
		at := t.node.child(key).item(i)
		switch {
		case !isLabel(name):
			t.badAt(at, key, instead(`write the name of an instance, such as "lib"`, "%s names no instance", show(name)))
		case name == instance:
			t.badAt(at, key, instead("leave it out", "an instance cannot follow itself"))
		case slices.Contains(all[:i], name):
			t.badAt(at, key, instead("leave it out", "%s is named twice", show(name)))
		}
	}
	return all
}

// Cycles finds the instances that follow each other in a circle, and says for
// each in which. What it is given is not changed.
func Cycles(all map[string]*Manifest) map[string]Errors {
	found := map[string]Errors{}
	for name, m := range all {
		if way := wayBack(all, name); way != nil {
			found[name] = Errors{{
				Place: m.When.Place, Key: "after", Hint: "leave one of them out",
				Message: "after: these follow each other in a circle: " + strings.Join(way, " after "),
			}}
		}
	}
	return found
}

// wayBack is the shortest way from an instance over those it follows back to
// itself, nil if there is none.
func wayBack(all map[string]*Manifest, start string) []string {
	from := map[string]string{}
	for next := []string{start}; len(next) > 0; next = next[1:] {
		m := all[next[0]]
		if m == nil {
			continue
		}
		for _, name := range m.When.After {
			if name == start {
				way := []string{start}
				for at := next[0]; at != start; at = from[at] {
					way = append(way, at)
				}
				slices.Reverse(way[1:])
				return append(way, start)
			}
			if _, seen := from[name]; !seen {
				from[name] = next[0]
				next = append(next, name)
			}
		}
	}
	return nil
}
