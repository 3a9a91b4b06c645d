package detect

import (
	"maps"
	"path"
	"regexp"
	"slices"
)

// maxMakeChoices bounds in how many ways a Makefile is read.
const maxMakeChoices = 10

var evaluatedInclude = regexp.MustCompile(`^[@\s-]*\$[({]eval\s+-?include\s+([\w./-]+)\s*[)}]$`)

// choices are the settings that targets take in from a file as they are made:
// of those one is named before another target, as in "make production deploy".
func (m *makefile) choices(open func(name string) string) []map[string]makeVariable {
	var files []string
	for _, name := range slices.Sorted(maps.Keys(m.rules)) {
		for _, line := range m.rules[name].recipe {
			file := evaluatedInclude.FindStringSubmatch(line.text)
			if file != nil && !path.IsAbs(file[1]) && len(files) < maxMakeChoices && !slices.Contains(files, file[1]) {
				files = append(files, file[1])
			}
		}
	}
	var all []map[string]makeVariable
	for _, file := range files {
		file = path.Join(path.Dir(m.path), file)
		text := open(file)
		if len(text) > maxMakeText {
			continue
		}
		vars := readMakefile(file, text, func(string) string { return "" }).vars
		delete(vars, "MAKE")
		if size := sizeOf(vars); size > 0 && size <= maxMakeText {
			all = append(all, vars)
		}
	}
	return all
}

// sizeOf is how much text variables have.
func sizeOf(vars map[string]makeVariable) int {
	size := 0
	for name, v := range vars {
		size += len(name) + len(v.text)
	}
	return size
}
