package detect

import "cmp"

// matchfiles knows the Matchfile of fastlane: the repository that a build takes
// its certificates from.
func matchfiles() Detector {
	return sheetDetector("fastlane", named("Matchfile"), func(s *sheet) {
		url, branch, line := "", "", 0
		for _, words := range phrases(tokens(s.text, lexis{comment: "#", quotes: `"'`})) {
			for i, t := range words {
				if !t.is('s') || i == 0 {
					continue
				}
				switch words[0].text {
				case "git_url":
					url, line = t.text, t.line
				case "git_branch":
					branch = t.text
				}
				break // what is said first counts
			}
		}
		s.note(line, Mention{URL: gitURL(url), Name: cmp.Or(branch, "master"), Kind: Branch})
	})
}
