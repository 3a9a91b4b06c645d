package detect

import "strings"

// cabalProjects knows the source-repository-package of cabal.project.
func cabalProjects() Detector {
	wants := named("cabal.project", "cabal.project.local", "cabal.project.freeze")
	return sheetDetector("cabal", wants, func(s *sheet) {
		var stanza map[string]string
		line := 0
		flush := func() {
			if url := stanza["location"]; url != "" && (stanza["type"] == "git" || stanza["type"] == "") {
				c := choice{branch: stanza["branch"], commit: stanza["tag"]} // its tag may be anything
				s.note(line, c.mention(gitURL(url)))
			}
			stanza = nil
		}
		for n, text := range numbered(s.text) {
			field, value, ok := strings.Cut(strings.TrimSpace(text), ":")
			switch {
			case field == "" || strings.HasPrefix(field, "--"):
			case text[0] != ' ' && text[0] != '\t':
				flush()
				if strings.TrimSpace(text) == "source-repository-package" {
					stanza = map[string]string{}
				}
			case stanza != nil && ok:
				field = strings.ToLower(strings.TrimSpace(field))
				stanza[field] = strings.TrimSpace(value)
				if field == "location" {
					line = n
				}
			}
		}
		flush()
	})
}
