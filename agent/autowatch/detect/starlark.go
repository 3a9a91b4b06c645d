package detect

import "strings"

// pipelinePrograms knows what the commands clone that programs make a pipeline
// of, where they stand in one text: those of Drone and Woodpecker in Starlark or
// jsonnet, of Cirrus in Starlark, and of Jenkins.
func pipelinePrograms() Detector {
	wants := named(".drone.star", ".drone.jsonnet", ".woodpecker.star", ".cirrus.star", "Jenkinsfile*", "*.Jenkinsfile", "*.jenkinsfile")
	return sheetDetector("programs of pipelines", wants, func(s *sheet) {
		if !hintOfScript.MatchString(s.text) {
			return
		}
		l := lexis{comment: "#", quotes: `"'`, triple: true}
		if !strings.HasSuffix(s.file.Path, ".star") {
			l.comment, l.block = "//", [2]string{"/*", "*/"}
		}
		all := tokens(s.text, l)
		for i, t := range all {
			if t.is('s') && hintOfScript.MatchString(t.text) && !isPutTogether(all, i) && !isDescription(all, i) {
				line := t.line
				if strings.Contains(t.text, "\n") {
					line-- // a script of many lines begins behind its own
				}
				s.script([]*node{{shape: isText, text: t.text, line: line}}, nil)
			}
		}
	})
}

// isDescription tells whether the text among the tokens is for people.
func isDescription(all []token, i int) bool {
	return i > 1 && all[i-2].text == "description" && (all[i-1].is(':') || all[i-1].is('='))
}

// isPutTogether tells whether the text among the tokens is only a part of one, or
// has values put in.
func isPutTogether(all []token, i int) bool {
	joins := func(t token) bool { return t.is('%') || t.is('+') || t.is('.') }
	return i > 0 && joins(all[i-1]) || i+1 < len(all) && joins(all[i+1])
}
