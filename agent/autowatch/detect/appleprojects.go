package detect

import "strings"

// xcodegenProjects knows the packages of Swift that XcodeGen puts into a project.
func xcodegenProjects() Detector {
	return sheetDetector("XcodeGen", named("project.y*ml"), func(s *sheet) {
		if !strings.Contains(s.text, "packages:") {
			return
		}
		for _, doc := range s.quietTrees() {
			for _, p := range doc.at("packages").members() {
				url, line := p.firstOf("url", "github")
				if p.value("url") == "" {
					url = onForge("github", url)
				}
				if c := (choice{branch: p.value("branch"), commit: p.value("revision")}); c.branch != "" || c.commit != "" {
					s.note(line, c.mention(url))
				}
			}
		}
	})
}

// mintfiles knows the tools that Mint builds from a branch: "owner/name@branch".
// Without a name it takes the newest version.
func mintfiles() Detector {
	return sheetDetector("Mint", named("Mintfile"), func(s *sheet) {
		for n, line := range numbered(s.text) {
			line, _, _ = strings.Cut(line, "#")
			address, name, ok := strings.Cut(strings.TrimSpace(line), "@")
			if m, known := repositoryWord(address); ok && known {
				s.note(n, choice{commit: name}.mention(m.URL))
			}
		}
	})
}
