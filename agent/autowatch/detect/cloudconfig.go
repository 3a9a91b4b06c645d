package detect

import "strings"

// cloudConfigs knows what the commands of cloud-init clone on the machine that
// is made.
func cloudConfigs() Detector {
	return sheetDetector("cloud-init", anyOf(isYAML, named("user-data*", "*cloud*init*")), func(s *sheet) {
		if !strings.HasPrefix(s.text, "#cloud-config") || !hintOfScript.MatchString(s.text) {
			return
		}
		for _, doc := range s.quietTrees() {
			for _, command := range append(doc.at("bootcmd").list(), doc.at("runcmd").list()...) {
				if command.shape == isList {
					command = &node{shape: isText, line: command.line, text: strings.Join(textsOf(command.items), " ")}
				}
				s.script([]*node{command}, nil)
			}
		}
	})
}
