package detect

// vcstool knows the repositories of ROS workspaces: vcstool's files, and those
// of rosinstall and wstool before it.
func vcstool() Detector {
	return sheetDetector("vcstool", named("*.repos", "*.rosinstall", ".rosinstall"), func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, repo := range doc.at("repositories").members() {
				s.rosRepository(repo.value("type"), repo)
			}
			for _, entry := range doc.list() {
				for _, kind := range entry.members() {
					s.rosRepository(kind.key, kind)
				}
			}
		}
	})
}

func (s *sheet) rosRepository(vcs string, repo *node) {
	if vcs != "git" && vcs != "hg" {
		return
	}
	url, line := repo.firstOf("url", "uri")
	s.note(line, Mention{VCS: vcs, URL: url, Name: repo.value("version")})
}
