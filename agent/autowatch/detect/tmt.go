package detect

// tmt knows the tests that plans of tmt discover in other repositories, and the
// libraries that tests require.
func tmt() Detector {
	return sheetDetector("tmt", named("*.fmf"), func(s *sheet) {
		for _, doc := range s.quietTrees() {
			doc.tables(func(table *node) {
				how := table.value("how")
				if how == "fmf" || how == "shell" || table.value("type") == "library" {
					s.note(table.lineOf("url"), Mention{URL: table.value("url"), Name: table.value("ref")})
				}
			})
		}
	})
}
