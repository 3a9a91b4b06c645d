package detect

// juliaFiles knows Manifest.toml of Julia, which has the remote and the name of
// what is no release, and the sources of Project.toml.
func juliaFiles() Detector {
	wants := named("Project.toml", "JuliaProject.toml", "Manifest.toml", "JuliaManifest.toml", "Manifest-v*.toml")
	return sheetDetector("julia", wants, func(s *sheet) {
		root := s.tomlTree()
		for _, d := range root.at("sources").members() {
			if url := d.str("url"); url != "" {
				s.note(d.lineOf("url"), choice{commit: d.str("rev")}.mention(gitURL(url)))
			}
		}
		root.each(nil, func(_ []string, n *node) {
			if url := n.str("repo-url"); url != "" && url[0] != '.' {
				s.note(n.lineOf("repo-url"), choice{commit: n.str("repo-rev")}.mention(gitURL(url)))
			}
		})
	})
}
