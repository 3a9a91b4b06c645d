package detect

import "path"

// pubFiles knows pubspec.yaml and pubspec.lock of Dart.
func pubFiles() Detector {
	return sheetDetector("pub", named("pubspec.yaml", "pubspec_overrides.yaml", "pubspec.lock"), func(s *sheet) {
		for _, root := range s.yamlTrees() {
			if path.Base(s.file.Path) == "pubspec.lock" {
				s.pubLock(root)
				continue
			}
			for _, kind := range []string{"dependencies", "dev_dependencies", "dependency_overrides"} {
				for _, d := range root.at(kind).members() {
					s.pubDependency(d)
				}
			}
		}
	})
}

func (s *sheet) pubDependency(d *node) {
	git := d.at("git")
	if url := d.str("git"); url != "" {
		s.note(git.line, Mention{URL: gitURL(url)})
		return
	}
	if git.str("tag_pattern") != "" {
		return // a range of versions
	}
	s.note(git.lineOf("url"), pubMention(git.str("url"), git.scalar("ref")))
}

// pubMention is what a ref names, which may be the beginning of a hash.
func pubMention(url, ref string) Mention {
	if ref == "HEAD" {
		ref = ""
	}
	return choice{commit: ref}.mention(gitURL(url))
}

func (s *sheet) pubLock(root *node) {
	for _, pkg := range root.at("packages").members() {
		if d := pkg.at("description"); pkg.str("source") == "git" {
			s.note(d.lineOf("url"), pubMention(d.str("url"), d.scalar("ref")))
		}
	}
}
