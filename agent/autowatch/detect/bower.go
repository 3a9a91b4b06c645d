package detect

import "regexp"

// bowerManifests knows bower.json. Without a name Bower takes the newest
// version of a repository, and what may be a range of versions is one.
func bowerManifests() Detector {
	return sheetDetector("bower", named("bower.json"), func(s *sheet) {
		root := s.jsonTree()
		for _, kind := range []string{"dependencies", "devDependencies"} {
			for _, d := range root.at(kind).members() {
				if m, ok := bowerSpec(d.str()); ok {
					s.note(d.line, m)
				}
			}
		}
	})
}

var bowerRange = regexp.MustCompile(`^(?:[~^<>=*]|v?\d+(?:\.(?:\d+|[xX*]))*(?:[-+ ]|$))`)

func bowerSpec(spec string) (Mention, bool) {
	m, ok := npmSpec(spec)
	switch {
	case !ok:
		return Mention{}, false
	case m.Name == "":
		m.Kind = Latest
	case m.Kind == Any && bowerRange.MatchString(m.Name):
		m.Kind, m.TagFirst = Version, false
	}
	return m, true
}
