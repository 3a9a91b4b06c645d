package detect

import "strings"

// saltStates knows what states of Salt check out with git.latest and git.cloned.
func saltStates() Detector {
	return sheetDetector("Salt", named("*.sls"), func(s *sheet) {
		if !strings.Contains(s.text, "git.") {
			return
		}
		for _, doc := range s.quietTrees() {
			for _, state := range doc.members() {
				s.saltState(state)
			}
		}
	})
}

func (s *sheet) saltState(state *node) {
	for _, key := range []string{"git.latest", "git.cloned"} {
		arguments := state.at(key)
		if arguments == nil {
			continue
		}
		m, line := Mention{URL: state.key}, arguments.line
		for _, argument := range arguments.list() {
			switch {
			case argument.at("name") != nil:
				m.URL, line = argument.value("name"), argument.lineOf("name")
			case argument.at("rev") != nil:
				m.Name = argument.value("rev")
			case argument.at("branch") != nil && m.Name == "":
				m.Name, m.Kind = argument.value("branch"), Branch
			}
		}
		if isRemote(m.URL) {
			s.note(line, m)
		}
	}
}
