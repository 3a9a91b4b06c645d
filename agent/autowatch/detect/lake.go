package detect

import "path"

// lakeFiles knows lakefile.lean and lake-manifest.json of Lean. What a
// dependency depends on itself is as that one's own lock has it.
func lakeFiles() Detector {
	return sheetDetector("Lake", named("lakefile.lean", "lake-manifest.json"), func(s *sheet) {
		if path.Base(s.file.Path) == "lake-manifest.json" {
			s.lakeLock()
			return
		}
		ts := tokens(s.text, lexis{comment: "--", block: [2]string{"/-", "-/"}, quotes: `"`})
		for i := 2; i < len(ts); i++ {
			if ts[i].is('s') && ts[i-1].text == "git" && ts[i-2].text == "from" {
				s.lakeRequirement(ts[i:])
			}
		}
	})
}

// lakeRequirement reads what is behind "from git": an address, and a name behind "@".
func (s *sheet) lakeRequirement(ts []token) {
	name := ""
	if len(ts) > 2 && ts[1].is('@') && ts[2].is('s') {
		name = ts[2].text
	}
	s.note(ts[0].line, choice{commit: name}.mention(gitURL(ts[0].text)))
}

func (s *sheet) lakeLock() {
	for _, pkg := range s.jsonTree().at("packages").list() {
		if url := pkg.str("url"); url != "" && pkg.value("inherited") != "true" {
			s.note(pkg.lineOf("url"), choice{commit: pkg.str("inputRev")}.mention(gitURL(url)))
		}
	}
}
