package detect

import "path"

// lefthooks knows the repositories that Lefthook takes hooks from. It clones
// them with a branch or a tag by its name, or as their remotes have it.
func lefthooks() Detector {
	wants := named("lefthook.y*ml", ".lefthook.y*ml", "lefthook-local.y*ml", "lefthook.json", ".lefthook.json", "lefthook.toml", ".lefthook.toml")
	return sheetDetector("Lefthook", wants, func(s *sheet) {
		for _, doc := range s.treesOf(path.Ext(s.file.Path)) {
			for _, remote := range append(doc.at("remotes").list(), doc.at("remote")) { // how it was before there were several
				if url, line := remote.firstOf("git_url"); url != "" {
					s.note(line, Mention{URL: gitURL(url), Name: remote.value("ref")})
				}
			}
		}
	})
}

// treesOf are the documents of a file in the format that its extension says.
func (s *sheet) treesOf(extension string) []*node {
	switch extension {
	case ".toml":
		return []*node{s.tomlTree()}
	case ".json":
		return []*node{s.jsonTree()}
	}
	return s.yamlTrees()
}
