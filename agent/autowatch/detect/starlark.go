package detect

import (
	"maps"
	"strings"
)

// pipelinePrograms knows what the commands clone that programs make a pipeline
// of, where they stand in one text: those of Drone and Woodpecker in Starlark or
// jsonnet, of Cirrus in Starlark, and of Jenkins.
func pipelinePrograms() Detector {
	wants := named(".drone.star", ".drone.jsonnet", ".woodpecker.star", ".cirrus.star", "Jenkinsfile*", "*.Jenkinsfile", "*.jenkinsfile")
	return sheetDetector("programs of pipelines", wants, func(s *sheet) {
		if !mayCheckOut(s.text) {
			return
		}
		l := lexis{comment: "#", quotes: `"'`, triple: true}
		if !strings.HasSuffix(s.file.Path, ".star") {
			l.comment, l.block = "//", [2]string{"/*", "*/"}
		}
		all := tokens(s.text, l)
		constants := groovyConstants(all)
		calls := newScriptCalls(s, topOf(s.file.Path))
		for i, t := range all {
			if t.is('s') && mayCheckOut(t.text) && !isPutTogether(all, i) && !isDescription(all, i) {
				line := t.line
				if strings.Contains(t.text, "\n") {
					line-- // a script of many lines begins behind its own
				}
				newShell(s, constants, calls).script([]*node{{shape: isText, text: t.text, line: line}})
			}
		}
	})
}

// mayCheckOut tells whether a text may be commands that clone or call a script that does.
func mayCheckOut(text string) bool {
	return hintOfScript.MatchString(text) || hintOfCall.MatchString(text)
}

// maxConstants is how many names of a program are known.
const maxConstants = 100

// groovyConstants are the variables that have one text in all of the file, as
// commands in such texts see them.
func groovyConstants(all []token) map[string]string {
	values := map[string]string{}
	for i := 0; i+2 < len(all); i++ {
		name, value := all[i], all[i+2]
		before, again := values[name.text]
		if !name.is('w') || !all[i+1].is('=') || !again && len(values) == maxConstants {
			continue
		}
		if again && before != value.text || !value.is('s') || len(value.text) > maxURL {
			value.text = "" // nobody knows what it is
		}
		values[name.text] = value.text
	}
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" })
	return values
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
