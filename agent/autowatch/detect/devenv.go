package detect

import "path"

// devenvs knows the inputs of devenv's environments, which are written as those
// of flakes are, and locked like them.
func devenvs() Detector {
	wants := func(file string) bool {
		return named("devenv.yaml", "devenv.local.yaml", "devenv.lock")(file) && !isBelow(file, "templates", "template")
	}
	return sheetDetector("devenv", wants, func(s *sheet) {
		if path.Ext(s.file.Path) == ".lock" {
			findFlakeLock(s)
			return
		}
		for _, doc := range s.yamlTrees() {
			for _, input := range doc.at("inputs").members() {
				if in, ok := parseFlakeURL(input.value("url")); ok {
					in.line = input.lineOf("url")
					s.flakeInput(in)
				}
			}
		}
	})
}
