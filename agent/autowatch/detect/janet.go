package detect

// janetProjects knows the dependencies of project.janet: an address, or a table
// with one and what of it is wanted.
func janetProjects() Detector {
	return sheetDetector("Janet", named("project.janet"), func(s *sheet) {
		s.janetGroup(nested(tokens(s.text, lexis{comment: "#", quotes: `"`, wordSigns: "-:./"})))
	})
}

func (s *sheet) janetGroup(ts []token) {
	for i, t := range ts {
		if i > 0 && t.is('[') && ts[i-1].text == ":dependencies" {
			s.janetDependencies(t.inside)
			continue
		}
		s.janetGroup(t.inside)
	}
}

func (s *sheet) janetDependencies(ts []token) {
	for _, t := range ts {
		switch {
		case t.is('s') && isRemote(t.text):
			s.note(t.line, Mention{URL: gitURL(t.text)})
		case t.is('{'):
			s.janetTable(t.inside)
		}
	}
}

func (s *sheet) janetTable(ts []token) {
	values := map[string]token{}
	for i := 0; i+1 < len(ts); i += 2 {
		values[ts[i].text] = ts[i+1]
	}
	url, ok := values[":url"]
	if !ok || !isRemote(url.text) {
		return
	}
	name := values[":tag"].text + values[":commit"].text + values[":sha"].text
	s.note(url.line, choice{commit: name}.mention(gitURL(url.text)))
}
