package detect

import (
	"regexp"
	"strings"
)

// chefRecipes knows what recipes of Chef check out: the resource git.
func chefRecipes() Detector {
	wants := func(file string) bool {
		return strings.HasSuffix(file, ".rb") && isBelow(file, "recipes", "resources")
	}
	return sheetDetector("Chef", wants, func(s *sheet) {
		m, line, inside := Mention{}, 0, false
		for n, text := range numbered(s.text) {
			switch value := chefValue.FindStringSubmatch(text); {
			case chefGit.MatchString(text):
				m, line, inside = Mention{}, n, true
			case inside && strings.TrimSpace(text) == "end":
				if isRemote(m.URL) {
					s.note(line, m)
				}
				inside = false
			case inside && value != nil && strings.HasPrefix(value[1], "repo"):
				m.URL, line = value[2], n
			case inside && value != nil && value[2] != "HEAD":
				m.Name, m.Kind = value[2], orCommit(value[2])
			}
		}
	})
}

var (
	chefGit   = regexp.MustCompile(`^\s*git[ (].*\bdo\s*$`)
	chefValue = regexp.MustCompile(`^\s*(repository|repo|revision|reference|branch)[ (]+["']([^"']+)["']`)
)
