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
		defaults := map[string]string{}
		for _, a := range attributes {
			if len(a.path) == 2 && a.path[0] == "variable" && a.key == "default" {
				defaults[a.path[1]] = a.value
			}
		}
		for _, a := range attributes {
			if a.key == "source" && len(a.path) > 0 && a.path[len(a.path)-1] == "artifact" {
				s.artifact(withDefaults(a.value, defaults), a.line)
			}
		}
	})
}

var (
	hintOfJob     = regexp.MustCompile(`(?m)^\s*artifact\s*\{`)
	nomadVariable = regexp.MustCompile(`\$\{\s*var\.(\w+)\s*\}`)
)

func withDefaults(text string, defaults map[string]string) string {
	if len(text) > maxURL {
		return text
	}
	return nomadVariable.ReplaceAllStringFunc(text, func(match string) string {
		if value := defaults[nomadVariable.FindStringSubmatch(match)[1]]; len(value) <= maxName && value != "" {
			return value
		}
		return match
	})
}

// artifact takes what go-getter clones, or a file of a branch or an archive of
// one. A forced "git" is how it tells a web address from a file.
func (s *sheet) artifact(address string, line int) {
	if m, ok := downloadedFile(strings.TrimPrefix(address, "http::")); ok {
		s.note(line, m)
	} else if m, ok := goGetter(address); ok {
		s.note(line, m)
	}
}
