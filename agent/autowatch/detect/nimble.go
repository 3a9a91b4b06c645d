package detect

import (
	"regexp"
	"strings"
)

// nimbleFiles knows what packages of Nim require by their repositories: "#head"
// or "#name" behind one, or else the newest version that fits.
func nimbleFiles() Detector {
	return sheetDetector("Nimble", named("*.nimble"), func(s *sheet) {
		for n, line := range numbered(s.text) {
			line, _, _ = strings.Cut(line, " #")
			if !strings.Contains(line, "requires") && !strings.HasPrefix(strings.TrimSpace(line), `"`) || strings.HasPrefix(line, "#") {
				continue
			}
			for _, parts := range nimRequirement.FindAllStringSubmatch(line, -1) {
				s.note(n, nimMention(parts[1], parts[2]))
			}
		}
	})
}

var nimRequirement = regexp.MustCompile(`"((?:https?|git|ssh)://[^"\s#@]+)\s*([#@][^"\s]+)?[^"]*"`)

func nimMention(url, name string) Mention {
	name = strings.TrimLeft(name, "#@")
	switch strings.ToLower(name) {
	case "":
		return Mention{URL: gitURL(url), Kind: Latest}
	case "head":
		return Mention{URL: gitURL(url)}
	}
	return choice{commit: name}.mention(gitURL(url))
}
