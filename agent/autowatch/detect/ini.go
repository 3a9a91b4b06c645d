package detect

import (
	"regexp"
	"strings"
)

// iniLine is a line of the value of an option.
type iniLine struct {
	text string
	line int
}

// iniOption is an option as one file has it. Of a value over several lines each
// is kept by itself.
type iniOption struct {
	section, name string
	sign          string // "=", "+=" or "-="
	lines         []iniLine
}

// whole is the value as one line.
func (o iniOption) whole() string {
	var all strings.Builder
	for _, line := range o.lines {
		all.WriteString(line.text + " ")
	}
	return all.String()
}

var iniHead = regexp.MustCompile(`^([^\s=:\[;#][^=:]*?)\s*([+-]?=|:)(.*)$`)

// iniOptions reads the kind of INI files that Python has: a line that is
// indented goes on with the value before, "#" and ";" begin comments at the
// beginning of a line, and ";" does behind a space.
func iniOptions(text string) []iniOption {
	var options []iniOption
	section, open := "", false
	for n, line := range numbered(text) {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case line[0] == ' ' || line[0] == '\t':
			if open {
				last := &options[len(options)-1]
				last.lines = append(last.lines, iniLine{withoutComment(trimmed), n})
			}
		case trimmed[0] == '[':
			section, open = sectionName(trimmed), false
		default:
			parts := iniHead.FindStringSubmatch(trimmed)
			if open = parts != nil; !open {
				continue
			}
			sign := strings.Replace(parts[2], ":", "=", 1)
			o := iniOption{section: section, name: strings.ToLower(parts[1]), sign: sign}
			if value := withoutComment(strings.TrimSpace(parts[3])); value != "" {
				o.lines = []iniLine{{value, n}}
			}
			options = append(options, o)
		}
	}
	return options
}

// sectionName is the name in "[name:condition]".
func sectionName(head string) string {
	name, _, _ := strings.Cut(head[1:], "]")
	name, _, _ = strings.Cut(name, ":")
	return strings.TrimSpace(name)
}

func withoutComment(s string) string {
	for _, mark := range []string{" ;", "\t;"} {
		s, _, _ = strings.Cut(s, mark)
	}
	return strings.TrimSpace(s)
}
