package detect

import "strings"

// anyboxManifests knows what the Buildbot configuration of Anybox was told in
// MANIFEST.cfg: where buildouts are taken from, and what else is watched.
func anyboxManifests() Detector {
	return sheetDetector("MANIFEST.cfg", named("MANIFEST.cfg"), func(s *sheet) {
		for _, o := range iniOptions(s.text) {
			if o.name != "watch" && o.name != "buildout" {
				continue
			}
			for _, line := range o.lines {
				words := strings.Fields(line.text) // git URL branch, and for a buildout its file
				if len(words) >= 3 && (words[0] == "git" || words[0] == "hg") {
					s.note(line.line, Mention{VCS: words[0], URL: words[1], Name: words[2]})
				}
			}
		}
	})
}
