package detect

import "strings"

// kas knows the repositories of kas, which sets up builds of Yocto.
func kas() Detector {
	return sheetDetector("kas", anyOf(isYAML, named("kas*.json")), func(s *sheet) {
		if !strings.Contains(s.text, "repos:") && !strings.HasSuffix(s.file.Path, ".json") {
			return
		}
		trees := s.quietTrees()
		for _, doc := range trees {
			if doc.at("header", "version") == nil {
				continue
			}
			defaults := doc.at("defaults", "repos")
			for _, repo := range doc.at("repos").members() {
				s.kasRepository(repo, defaults)
			}
		}
	})
}

// kasRepository reads one repository. With a commit, a branch only says where
// that is to be found.
func (s *sheet) kasRepository(repo, defaults *node) {
	c := choice{commit: repo.value("commit"), tag: repo.value("tag"), branch: repo.value("branch"), name: repo.value("refspec")}
	if c == (choice{}) {
		c = choice{tag: defaults.value("tag"), branch: defaults.value("branch"), name: defaults.value("refspec")}
	}
	m := c.mention(repo.value("url"))
	if vcs, _ := repo.firstOf("type", "vcs"); vcs == "hg" {
		m.VCS = "hg"
	}
	if isRemote(m.URL) || isComputed(m.URL) {
		s.note(repo.lineOf("url"), m)
	}
}
