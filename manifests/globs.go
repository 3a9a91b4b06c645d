package manifests

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxGlob bounds a pattern of paths, in bytes; maxGlobs how many there are.
const (
	maxGlob  = 500
	maxGlobs = 200
)

const globHint = `write "src/**", "*.md" or "docs/"`

// Paths says which changed paths of a repository count. Patterns are relative
// to its root: "*" and "?" stand for anything but a slash, "**" for anything, a
// slash at the end for all that is below.
type Paths struct {
	Only   []string `json:"only,omitempty"`   // empty: all
	Ignore []string `json:"ignore,omitempty"` // of those
}

// paths reads only-if-changed and ignore-changed; nil if neither is there.
func (t table) paths() *Paths {
	p := Paths{Only: t.globs("only-if-changed"), Ignore: t.globs("ignore-changed")}
	if p.Only == nil && p.Ignore == nil {
		return nil
	}
	return &p
}

func (t table) globs(key string) []string {
	all, ok := t.list(key, fmt.Sprintf(`write %s = ["src/**"]`, key))
	if !ok {
		return nil
	}
	if len(all) == 0 || len(all) > maxGlobs {
		t.bad(key, instead("leave the key out", "has %d entries, want 1 to %d", len(all), maxGlobs))
		return nil
	}
	for i, s := range all {
		if _, err := glob(s); err != nil {
			t.badAt(t.node.child(key).item(i), key, err)
		}
	}
	return all
}

// Relevant picks those of the changed paths that count.
func (p *Paths) Relevant(changed []string) []string {
	if p == nil {
		return changed
	}
	only, ignore := compile(p.Only), compile(p.Ignore)
	var all []string
	for _, name := range changed {
		if (len(only) == 0 || matchesAny(only, name)) && !matchesAny(ignore, name) {
			all = append(all, name)
		}
	}
	return all
}

func compile(patterns []string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, s := range patterns {
		if re, err := glob(s); err == nil { // as it was when it was read
			all = append(all, re)
		}
	}
	return all
}

func matchesAny(all []*regexp.Regexp, name string) bool {
	return slices.ContainsFunc(all, func(re *regexp.Regexp) bool { return re.MatchString(name) })
}

// glob turns a pattern into an expression.
func glob(s string) (*regexp.Regexp, error) {
	switch {
	case s == "" || len(s) > maxGlob:
		return nil, instead(globHint, "a pattern has %d bytes, want 1 to %d", len(s), maxGlob)
	case strings.IndexFunc(s, isHidden) >= 0:
		return nil, fmt.Errorf("holds a control or invisible character: %s", show(s))
	case slices.Contains(strings.Split(s, "/"), ".."):
		return nil, instead(globHint, "%s leaves the directory", show(s))
	case strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./"):
		return nil, instead("write "+show(strings.TrimLeft(s, "./")), "%s: paths begin at the root of the repository", show(s))
	case strings.HasPrefix(s, "!"):
		return nil, instead("write what does not count into ignore-changed", "%s: a pattern cannot be turned round", show(s))
	case strings.ContainsAny(s, `{}\`):
		return nil, instead("write several patterns", "%s: braces and backslashes have no meaning", show(s))
	}
	if strings.HasSuffix(s, "/") {
		s += "**"
	}
	if _, err := path.Match(strings.ReplaceAll(s, "**", "*"), "x"); err != nil {
		return nil, instead(globHint, "%s: the bracket is not closed", show(s))
	}
	re, err := regexp.Compile(`^(?s:` + expression(s) + `)$`)
	if err != nil {
		return nil, instead(globHint, "%s is no pattern", show(s))
	}
	return re, nil
}

// expression is what a pattern means, piece by piece.
func expression(s string) string {
	var b strings.Builder
	for s != "" {
		switch {
		case strings.HasPrefix(s, "**/"):
			b.WriteString(`(?:.*/)?`)
			s = s[3:]
		case strings.HasPrefix(s, "**"):
			b.WriteString(`.*`)
			s = s[2:]
		case s[0] == '*':
			b.WriteString(`[^/]*`)
			s = s[1:]
		case s[0] == '?':
			b.WriteString(`[^/]`)
			s = s[1:]
		case s[0] == '[' && strings.IndexByte(s, ']') > 1:
			end := strings.IndexByte(s, ']')
			b.WriteString("[" + class(s[1:end]) + "]")
			s = s[end+1:]
		default:
			n := strings.IndexAny(s[1:], "*?[") + 1
			if n == 0 {
				n = len(s)
			}
			b.WriteString(regexp.QuoteMeta(s[:n]))
			s = s[n:]
		}
	}
	return b.String()
}

// class is the inside of brackets as an expression has it.
func class(s string) string {
	if rest, not := strings.CutPrefix(s, "!"); not {
		s = "^" + rest
	}
	return strings.NewReplacer("[", `\[`, "&", `\&`).Replace(s)
}
