package detect

import "strings"

// devboxes knows the flakes that Devbox takes packages and plugins from. Those of
// its own registry are versions.
func devboxes() Detector {
	return sheetDetector("Devbox", named("devbox.json"), func(s *sheet) {
		doc, _, _ := readJSON(jsonComment.ReplaceAllString(s.text, ""))
		all := append(doc.at("packages").list(), doc.at("include").list()...)
		for _, p := range all {
			s.devboxFlake(p.line, p.str())
		}
		if packages := doc.at("packages"); packages != nil && packages.shape == isTable {
			for _, p := range packages.members() {
				s.devboxFlake(p.line, p.key)
			}
		}
	})
}

func (s *sheet) devboxFlake(line int, reference string) {
	if m, ok := flakeWord(reference); ok && !strings.HasPrefix(reference, "path:") {
		s.note(line, m)
	}
}
