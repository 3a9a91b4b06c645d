package detect

import "strings"

// paketFiles knows what Paket takes from git: "git address name" and
// "github owner/name:name file".
func paketFiles() Detector {
	return sheetDetector("Paket", named("paket.dependencies"), func(s *sheet) {
		for n, line := range numbered(s.text) {
			words := strings.Fields(line)
			if len(words) < 2 {
				continue
			}
			switch words[0] {
			case "git":
				name := ""
				if len(words) > 2 && isPlainWord(words[2]) {
					name = words[2]
				}
				s.note(n, choice{commit: name}.mention(gitURL(words[1])))
			case "github":
				repo, name, _ := strings.Cut(words[1], ":")
				s.note(n, choice{commit: name}.mention(onForge("github", repo)))
			}
		}
	})
}
