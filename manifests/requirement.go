package manifests

import (
	"fmt"
	"regexp"
	"strings"

	version "github.com/hashicorp/go-version"
)

// term is one condition of a requirement.
var term = regexp.MustCompile(`^[\s,]*([<>=!~]+)\s*([^\s,<>=!~]+)`)

// SplitRequirement splits an entry of build-requires: "postgresql >= 14 < 17",
// with or without a comma, is the capability "postgresql" and the constraint
// ">= 14, < 17", in the syntax of hashicorp/go-version; "docker" has the
// constraint "".
func SplitRequirement(s string) (name, constraint string, err error) {
	const hint = `write "docker" or "postgresql >= 14"`
	if len(s) > maxName {
		return "", "", fmt.Errorf("a requirement is longer than %d bytes", maxName)
	}
	s = strings.TrimSpace(s)
	end := strings.IndexAny(s, " \t<>=!~,")
	if end < 0 {
		end = len(s)
	}
	name, rest := s[:end], strings.TrimSpace(s[end:])
	if name == "" || strings.ContainsAny(name[:1], "-_.+") || !consists(name, "._+") {
		return "", "", instead(hint, "%s is no requirement", show(s))
	}
	if rest == "" {
		return name, "", nil
	}
	if !strings.ContainsRune("<>=!~", rune(rest[0])) {
		return "", "", instead(hint, "%s has no operator before the version", show(s))
	}
	var terms []string
	for m := term.FindStringSubmatch(rest); m != nil; m = term.FindStringSubmatch(rest) {
		terms, rest = append(terms, m[1]+" "+m[2]), rest[len(m[0]):]
	}
	constraint = strings.Join(terms, ", ")
	if _, err := version.NewConstraint(constraint); err != nil || strings.TrimSpace(rest) != "" {
		return "", "", instead(hint, "%s has no valid version constraint", show(s))
	}
	return name, constraint, nil
}

func (t table) requirements() []string {
	const key = "build-requires"
	all, _ := t.list(key, `write build-requires = ["docker", "postgresql >= 14"]`)
	for i, s := range all {
		if _, _, err := SplitRequirement(s); err != nil {
			t.badAt(t.node.child(key).item(i), key, err)
		}
	}
	return all
}
