package detect

import (
	"regexp"
	"strings"
)

// conanRecipes knows what recipes of Conan clone, as long as they check nothing
// else out there.
func conanRecipes() Detector {
	return sheetDetector("Conan", named("conanfile.py"), func(s *sheet) {
		if strings.Contains(s.text, "checkout") {
			return
		}
		for n, line := range numbered(s.text) {
			if parts := conanClone.FindStringSubmatch(line); parts != nil {
				s.note(n, Mention{URL: parts[1], Name: parts[2]})
			}
			if parts := conanRun.FindStringSubmatch(line); parts != nil {
				s.script([]*node{{shape: isText, line: n, text: parts[1]}}, nil)
			}
		}
	})
}

var (
	conanClone = regexp.MustCompile(`^[^#]*\bgit\.clone\((?:url *= *)?["']((?:https?://|git@)[^"']+)["'](?:, *branch *= *["']([^"']+)["'])?`)
	conanRun   = regexp.MustCompile(`^[^#]*\bself\.run\(f?["'](git clone [^"']+)["']`)
)
