package manifests

import (
	"fmt"
	"regexp"
	"strings"

	version "github.com/hashicorp/go-version"
)

// Requirement is an entry of build-requires, build-for or prefer, taken apart.
type Requirement struct {
	Name       string // of the capability
	Constraint string // of its version, as hashicorp/go-version reads it; "": any
	Value      string // what stands in the version's place must be just this; "": anything
	Not        bool   // must not be Value
}

var (
	// term is one condition on a version.
	term = regexp.MustCompile(`^[\s,]*([<>=!~]+)\s*([^\s,<>=!~"']+)`)
	// literal is a condition on what is no version.
	literal = regexp.MustCompile(`^([=!]=)\s*(?:"([^"]*)"|'([^']*)')$`)
)

// ParseRequirement takes a requirement apart: "docker"; "postgresql >= 14 < 17",
// with or without a comma; `gpu == "a100"` for what has no order.
func ParseRequirement(s string) (Requirement, error) {
	const hint = `write "docker", "postgresql >= 14" or 'gpu == "a100"'`
	if len(s) > maxName {
		return Requirement{}, fmt.Errorf("a requirement is longer than %d bytes", maxName)
	}
	s = strings.TrimSpace(s)
	end := strings.IndexAny(s, " \t<>=!~,")
	if end < 0 {
		end = len(s)
	}
	r, rest := Requirement{Name: s[:end]}, strings.TrimSpace(s[end:])
	if r.Name == "" || strings.ContainsAny(r.Name[:1], "-_.+") || !consists(r.Name, "._+") {
		return Requirement{}, instead(hint, "%s is no requirement", show(s))
	}
	if rest == "" {
		return r, nil
	}
	if !strings.ContainsRune("<>=!~", rune(rest[0])) {
		return Requirement{}, instead(hint, "%s has no operator before the version", show(s))
	}
	if m := literal.FindStringSubmatch(rest); m != nil {
		r.Value, r.Not = m[2]+m[3], m[1] == "!="
		if r.Value == "" || strings.ContainsAny(r.Value, " \t") || strings.IndexFunc(r.Value, isHidden) >= 0 {
			return Requirement{}, instead(hint, "%s names no value", show(s))
		}
		return r, nil
	}
	var terms []string
	for m := term.FindStringSubmatch(rest); m != nil; m = term.FindStringSubmatch(rest) {
		operator := m[1]
		if operator == "==" {
			operator = "="
		}
		terms, rest = append(terms, operator+" "+m[2]), rest[len(m[0]):]
	}
	r.Constraint = strings.Join(terms, ", ")
	if _, err := version.NewConstraint(r.Constraint); err != nil || strings.TrimSpace(rest) != "" {
		return Requirement{}, instead(hint, "%s has no valid version constraint", show(s))
	}
	return r, nil
}

// requirements reads a list of requirements.
func (t table) requirements(key string) []string {
	all, _ := t.list(key, fmt.Sprintf(`write %s = ["docker", "postgresql >= 14"]`, key))
	for i, s := range all {
		if _, err := ParseRequirement(s); err != nil {
			t.badAt(t.node.child(key).item(i), key, err)
		}
	}
	return all
}
