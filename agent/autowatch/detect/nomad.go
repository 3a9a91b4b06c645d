package detect

import (
	"regexp"
	"strings"
)

// nomad knows the artifacts that jobs of Nomad download: repositories, and files
// of forges. Variables count with their defaults.
func nomad() Detector {
	return sheetDetector("Nomad", named("*.nomad", "*.hcl"), func(s *sheet) {
		if !hintOfJob.MatchString(s.text) {
			return
		}
		attributes := hclAttributes(s.text)
		defaults := hclDefaults(attributes)
		for _, a := range attributes {
			if a.key == "source" && len(a.path) > 0 && a.path[len(a.path)-1] == "artifact" {
				s.artifact(withDefaults(a.value, defaults), a.line)
			}
		}
	})
}

var hintOfJob = regexp.MustCompile(`(?m)^\s*artifact\s*\{`)

// artifact takes what go-getter clones, or a file of a branch or an archive of
// one. A forced "git" is how it tells a web address from a file.
func (s *sheet) artifact(address string, line int) {
	if m, ok := downloadedFile(strings.TrimPrefix(address, "http::")); ok {
		s.note(line, m)
	} else if m, ok := goGetter(address); ok {
		s.note(line, m)
	}
}
