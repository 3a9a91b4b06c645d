package detect

// snapcraft knows the parts that snaps, rocks and charms are made of.
func snapcraft() Detector {
	wants := named("snapcraft.yaml", ".snapcraft.yaml", "rockcraft.yaml", "charmcraft.yaml")
	return sheetDetector("Snapcraft", wants, func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, part := range doc.at("parts").members() {
				s.snapPart(part)
			}
		}
	})
}

func (s *sheet) snapPart(part *node) {
	url, kind := part.value("source"), part.value("source-type")
	if kind != "git" && kind != "" || !isRemote(url) || kind == "" && !looksLikeGit(url) {
		return
	}
	c := choice{branch: part.value("source-branch"), tag: part.value("source-tag"), commit: part.value("source-commit")}
	s.note(part.lineOf("source"), c.mention(gitURL(url)))
}
