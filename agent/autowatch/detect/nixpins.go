package detect

import "strings"

// nixPins knows the sources of niv and npins, where a branch is what updates follow.
func nixPins() Detector {
	return sheetDetector("Nix pins", named("sources.json"), func(s *sheet) {
		sources := s.jsonTree()
		for _, pin := range sources.at("pins").members() {
			repository := pin.at("repository")
			in := flakeInput{
				kind: strings.ToLower(repository.value("type")), owner: repository.value("owner"), repo: repository.value("repo"),
				url: repository.value("url"), ref: pin.value("branch"), line: pin.lineOf("branch"),
			}
			if in.ref != "" {
				s.flakeInput(in)
			}
		}
		for _, source := range sources.members() {
			m := Mention{URL: source.value("repo"), Name: source.value("branch")}
			if owner := source.value("owner"); owner != "" && m.URL != "" {
				m.URL = "https://github.com/" + owner + "/" + m.URL
			}
			if m.Name == "" || source.at("rev") == nil || !isRemote(m.URL) {
				continue
			}
			s.note(source.lineOf("branch"), m)
		}
	})
}
