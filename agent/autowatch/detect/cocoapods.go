package detect

import "strings"

// podfiles knows Podfile of CocoaPods, which is Ruby with the options of a Gemfile.
func podfiles() Detector { return sheetDetector("cocoapods", named("Podfile"), readGemfile) }

// podfileLocks knows Podfile.lock, which repeats what was asked for.
func podfileLocks() Detector {
	return sheetDetector("cocoapods-lock", named("Podfile.lock"), func(s *sheet) {
		for _, root := range s.yamlTrees() {
			for _, pod := range root.at("EXTERNAL SOURCES").members() {
				c := choice{branch: pod.scalar(":branch"), tag: pod.scalar(":tag"), commit: pod.scalar(":commit")}
				s.note(pod.lineOf(":git"), c.mention(gitURL(pod.str(":git"))))
			}
		}
	})
}

// cartfiles knows Cartfile of Carthage: github "o/r" "branch". Without a name
// in quotes it is a release.
func cartfiles() Detector {
	return sheetDetector("carthage", named("Cartfile", "Cartfile.private"), func(s *sheet) {
		for _, line := range phrases(tokens(s.text, lexis{comment: "#", quotes: `"`})) {
			if len(line) != 3 || !line[1].is('s') || !line[2].is('s') {
				continue
			}
			url := line[1].text
			if line[0].text == "github" && !strings.Contains(url, "://") {
				url = onForge("github", url)
			}
			if line[0].text == "github" || line[0].text == "git" {
				s.note(line[1].line, choice{commit: line[2].text}.mention(gitURL(url)))
			}
		}
	})
}
