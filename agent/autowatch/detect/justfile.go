package detect

import (
	"regexp"
	"strings"
)

// justfiles knows what the recipes of just clone, unless they are for changing
// the repository.
func justfiles() Detector {
	wants := func(file string) bool {
		return named("justfile", "Justfile", ".justfile")(file) || strings.HasSuffix(file, ".just") && strings.Count(file, "/") < 2
	}
	return sheetDetector("just", wants, func(s *sheet) {
		values := map[string]string{}
		recipe, script := "", &node{shape: isText}
		read := func() {
			if script.text != "" && !isUpkeep(recipe) {
				sh := newShell(s, nil, newScriptCalls(s, "."))
				sh.clonesOnly = true
				script.line--
				sh.script([]*node{script})
			}
			script = &node{shape: isText}
		}
		for n, line := range numbered(s.text) {
			switch parts := justHead.FindStringSubmatch(line); {
			case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
				if script.text == "" {
					script.line = n
				}
				script.text += strings.TrimLeft(strings.TrimSpace(justValue.ReplaceAllStringFunc(line, func(v string) string {
					if value, ok := values[strings.Trim(v, "{} ")]; ok {
						return value
					}
					return v
				})), "@-") + "\n"
			case strings.TrimSpace(line) == "" && script.text != "":
				script.text += "\n"
			case parts != nil:
				read()
				recipe = parts[1]
			default:
				if parts := justSet.FindStringSubmatch(line); parts != nil && len(values) < maxItems {
					values[parts[1]] = parts[2] + parts[3]
				}
			}
		}
		read()
	})
}

var (
	justHead  = regexp.MustCompile(`^@?([\w-]+)(?:\s+[^:=#]*)?:(?:[^=]|$)`)
	justSet   = regexp.MustCompile(`^(?:export )?([\w-]+) *:= *(?:"([^"]*)"|'([^']*)')\s*$`)
	justValue = regexp.MustCompile(`\{\{ *[\w-]+ *\}\}`)
)
