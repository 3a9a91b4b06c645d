package detect

// sourcehutBuilds knows the repositories that a build of SourceHut begins with:
// "address#name".
func sourcehutBuilds() Detector {
	return sheetDetector("builds of SourceHut", below(".builds"), func(s *sheet) {
		for _, doc := range s.quietTrees() {
			for _, source := range doc.at("sources").list() {
				if m, ok := hashWord(source.str()); ok {
					s.note(source.line, m)
				}
			}
		}
	})
}
