package detect

import "strings"

// jekyllThemes knows the theme that a site of Jekyll takes from a repository:
// owner/name@ref at GitHub, or an address.
func jekyllThemes() Detector {
	return sheetDetector("Jekyll", named("_config.yml", "_config.yaml"), func(s *sheet) {
		if !strings.Contains(s.text, "remote_theme") {
			return
		}
		for _, doc := range s.quietTrees() {
			theme, name, _ := strings.Cut(doc.str("remote_theme"), "@")
			if repoWord.MatchString(theme) {
				theme = onForge("github", theme)
			}
			if isRemote(theme) {
				s.note(doc.lineOf("remote_theme"), Mention{URL: theme, Name: name})
			}
		}
	})
}
