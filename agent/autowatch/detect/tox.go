package detect

import (
	"cmp"
	"regexp"
	"strings"
)

var (
	toxSection  = regexp.MustCompile(`^\[([^\[\]]+)\]\s*$`)
	toxOption   = regexp.MustCompile(`^(\w+)\s*=\s*(\S+)\s*$`)
	toxOther    = regexp.MustCompile(`\{(\[[^\[\]{}]+\]\w+)\}`)
	toxFetches  = regexp.MustCompile(`\bgit\s.*\bclone\b|\bpip3?\s.*\binstall\b.*\+`)
	toxDefault  = regexp.MustCompile(`\{env:(\w+)(?::([^{}]*))?\}`)
	toxVariable = regexp.MustCompile(`^\s*(?:setenv\s*=\s*)?(\w+)\s*=\s*(\S+)\s*$`)
)

// toxLine is a line with the variables in it that are known: "{env:X:y}" is y,
// unless a line before sets X, and "{[section]x}" what stands there.
func toxLine(line string, values map[string]string) string {
	line = toxOther.ReplaceAllStringFunc(line, func(written string) string {
		return cmp.Or(values[strings.Trim(written, "{}")], written)
	})
	for range maxExpansions {
		line = toxDefault.ReplaceAllStringFunc(line, func(written string) string {
			parts := toxDefault.FindStringSubmatch(written)
			return cmp.Or(values[parts[1]], parts[2], written)
		})
		if len(line) > maxURL {
			return ""
		}
	}
	if parts := toxVariable.FindStringSubmatch(line); parts != nil && len(values) < maxValues && !strings.Contains(parts[2], "{") {
		values[parts[1]] = parts[2]
	}
	return line
}

// toxSections are the options that are one word, as "[section]option".
func toxSections(text string) map[string]string {
	values, section := map[string]string{}, ""
	for _, line := range numbered(text) {
		if parts := toxSection.FindStringSubmatch(line); parts != nil {
			section = parts[1]
		} else if parts := toxOption.FindStringSubmatch(line); parts != nil && len(values) < maxValues {
			values["["+section+"]"+parts[1]] = parts[2]
		}
	}
	return values
}

// toxCommand reads a command of tests that clones, or has pip install from git.
func (s *sheet) toxCommand(n int, line string) {
	if toxFetches.MatchString(line) && !strings.HasPrefix(strings.TrimSpace(line), "#") {
		line = toxFactor.ReplaceAllString(iniKey.ReplaceAllString(strings.TrimSpace(line), ""), "")
		s.script([]*node{{shape: isText, line: n, text: line}}, nil)
	}
}
