package detect

import "strings"

// opamFiles knows the field pin-depends of opam.
func opamFiles() Detector {
	return sheetDetector("opam", named("opam", "*.opam", "*.opam.template"), func(s *sheet) {
		all := nested(tokens(s.text, lexis{comment: "#", quotes: `"`, triple: true, wordSigns: "-"}))
		for i, t := range all {
			if t.is('[') && i >= 2 && all[i-2].text == "pin-depends" {
				s.opamPins(t.inside)
			}
		}
	})
}

// opamRepositories reads "name: address#branch" in the lines of an input of
// setup-ocaml, or an address alone.
func (s *sheet) opamRepositories(input *node) {
	if input == nil {
		return
	}
	for n, line := range input.lines() {
		address := line[strings.LastIndexByte(line, ' ')+1:]
		if m, ok := hashWord(address); ok {
			s.note(n, m)
		}
	}
}

// opamPins reads ["name.version" "git+https://host/o/r#branch"], or a list of them.
func (s *sheet) opamPins(ts []token) {
	for _, t := range ts {
		if t.is('s') && isGitURL(t.text) {
			url, name, _ := strings.Cut(t.text, "#")
			s.note(t.line, choice{commit: name}.mention(gitURL(url)))
		}
		s.opamPins(t.inside)
	}
}
