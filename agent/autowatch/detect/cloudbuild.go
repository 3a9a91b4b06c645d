package detect

import (
	"path"
	"strings"
)

// cloudBuilds knows what the steps of Google Cloud Build run: the program of an
// image, or the one in its place, with arguments.
func cloudBuilds() Detector {
	return sheetDetector("Cloud Build", named("cloudbuild*.y*ml"), func(s *sheet) {
		calls := newScriptCalls(s, ".")
		for _, doc := range s.quietTrees() {
			for _, step := range doc.at("steps").list() {
				sh := newShell(s, nil, calls)
				sh.run(stepCommand(step))
				sh.flush()
			}
		}
	})
}

// stepCommand is what a step runs, as words of a shell.
func stepCommand(step *node) []dockerWord {
	program := step.value("entrypoint")
	if program == "" {
		program = path.Base(step.value("name"))
	}
	words := []dockerWord{{program, step.lineOf("args")}}
	for _, arg := range step.at("args").some() {
		if isShell := strings.HasSuffix(program, "sh"); isShell && len(words) > 1 && isOption(words[len(words)-1].text) {
			return scriptWords(&node{shape: isText, text: arg.str() + "\n", line: arg.line})
		}
		words = append(words, dockerWord{arg.value(), arg.line})
	}
	return words
}
