package detect

import "strings"

// odooOnTravis knows the Odoo that the OCA's tools fetch for tests on Travis: each
// run names its repository, and the version, which is the branch.
func odooOnTravis() Detector {
	return sheetDetector("Odoo on Travis", named(".travis.yml"), func(s *sheet) {
		if !strings.Contains(s.text, "travis_install_nightly") {
			return
		}
		for _, doc := range s.quietTrees() {
			for _, run := range travisRuns(doc) {
				if repo := run["ODOO_REPO"]; repo != "" && run["VERSION"] != "" {
					s.note(doc.lineOf("env"), Mention{URL: "https://github.com/" + repo, Name: run["VERSION"], Kind: Branch})
				}
			}
		}
	})
}
