package detect

// tomlDependencies knows the manifests of those package managers that write a
// dependency as Cargo does: Move, Sway, Cairo, Noir, Gleam, Lean, Fortran.
func tomlDependencies() Detector {
	wants := named("Move.toml", "Move.*.toml", "Forc.toml", "Scarb.toml", "Nargo.toml", "gleam.toml", "lakefile.toml", "fpm.toml")
	return sheetDetector("TOML dependencies", wants, func(s *sheet) {
		s.tomlTree().each(nil, func(keys []string, n *node) {
			isDependency := isCrate(keys) || len(keys) > 0 && (keys[0] == "require" || keys[0] == "dep-replacements")
			if url := n.str("git"); url != "" && isDependency {
				s.note(n.lineOf("git"), tomlChoice(n).mention(gitURL(url)))
			}
		})
	})
}

// tomlChoice is what a dependency asks for. What some of them call a tag may be
// any name.
func tomlChoice(n *node) choice {
	name, _ := n.firstOf("rev", "ref", "tag")
	return choice{branch: n.str("branch"), commit: name}
}
