package detect

import "strings"

// jsonnetBundler knows what jsonnet-bundler fetches, as asked for. Its lock file
// says at which commit.
func jsonnetBundler() Detector {
	return sheetDetector("jsonnet-bundler", named("jsonnetfile.json"), func(s *sheet) {
		for _, dependency := range s.jsonTree().at("dependencies").list() {
			git := dependency.at("source", "git")
			s.note(git.lineOf("remote"), Mention{URL: git.value("remote"), Name: dependency.value("version")})
		}
	})
}

// vendir knows what Carvel's vendir fetches from git.
func vendir() Detector {
	return sheetDetector("vendir", named("vendir.yml", "vendir.yaml"), func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, directory := range doc.at("directories").list() {
				for _, contents := range directory.at("contents").list() {
					git := contents.at("git")
					m := Mention{URL: git.value("url"), Name: git.value("ref")}
					if git.at("refSelection") != nil {
						m.Name, m.Kind = "", Version
					}
					if name, ok := strings.CutPrefix(m.Name, "origin/"); ok {
						m.Name, m.Kind = name, Branch
					}
					s.note(git.lineOf("url"), m)
				}
			}
		}
	})
}

// gitman knows the sources of gitman, and of gdm before it.
func gitman() Detector {
	return sheetDetector("gitman", named("gitman.yml", ".gitman.yml", "gdm.yml", ".gdm.yml"), func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, source := range doc.at("sources").list() {
				if kind := source.value("type"); kind == "" || kind == "git" {
					s.note(source.lineOf("repo"), Mention{URL: source.value("repo"), Name: source.value("rev")})
				}
			}
		}
	})
}
