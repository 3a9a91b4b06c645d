package detect

import (
	"path"
	"strings"
)

// named wants the files of names that match one of these patterns, in any directory.
func named(names ...string) func(string) bool {
	return func(file string) bool {
		base := path.Base(file)
		for _, name := range names {
			if fits(name, base) {
				return true
			}
		}
		return false
	}
}

// fits is path.Match for a name without a slash, of which most patterns need
// little: every file of a workspace is held against all of them.
func fits(pattern, name string) bool {
	const special = `*?[\`
	suffix, star := strings.CutPrefix(pattern, "*")
	switch {
	case strings.ContainsAny(suffix, special):
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	case star:
		return strings.HasSuffix(name, suffix)
	}
	return pattern == name
}

// below wants YAML files in a directory of this path anywhere.
func below(dirs ...string) func(string) bool {
	return func(file string) bool {
		if !isYAML(file) {
			return false
		}
		for _, dir := range dirs {
			if strings.HasPrefix(file, dir+"/") || strings.Contains(file, "/"+dir+"/") {
				return true
			}
		}
		return false
	}
}

// anyOf wants what one of others wants.
func anyOf(others ...func(string) bool) func(string) bool {
	return func(file string) bool {
		for _, wants := range others {
			if wants(file) {
				return true
			}
		}
		return false
	}
}

// notBelow wants what another wants, but not in directories of these names.
func notBelow(wants func(string) bool, dirs ...string) func(string) bool {
	return func(file string) bool { return wants(file) && !isBelow(file, dirs...) }
}

func isYAML(file string) bool {
	return strings.HasSuffix(file, ".yml") || strings.HasSuffix(file, ".yaml")
}
