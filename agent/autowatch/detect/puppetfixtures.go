package detect

import "cmp"

// puppetFixtures knows the modules that the tests of a Puppet module fetch from
// git (.fixtures.yml).
func puppetFixtures() Detector {
	return sheetDetector("fixtures of Puppet", named(".fixtures.yml", ".fixtures.yaml"), func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, module := range doc.at("fixtures", "repositories").members() {
				s.fixture(module)
			}
		}
	})
}

func (s *sheet) fixture(module *node) {
	if module.shape == isText {
		s.note(module.line, Mention{URL: module.text})
		return
	}
	m := choice{commit: module.value("ref"), tag: module.value("tag"), branch: module.value("branch")}.mention(module.value("repo"))
	m.VCS = cmp.Or(module.value("scm"), "git")
	if m.VCS == "git" || m.VCS == "hg" {
		s.note(module.lineOf("repo"), m)
	}
}
