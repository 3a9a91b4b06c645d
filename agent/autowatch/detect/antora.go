package detect

import (
	"path"
	"strings"
)

// antora knows the playbooks of Antora, which name the branches that a site is
// made of. Patterns of branches name none.
func antora() Detector {
	wants := func(file string) bool {
		name := path.Base(file)
		return isYAML(file) && (strings.Contains(name, "playbook") || strings.Contains(name, "site") || strings.Contains(name, "antora"))
	}
	return sheetDetector("Antora", wants, func(s *sheet) {
		if !strings.Contains(s.text, "sources:") {
			return // most files of these names are Ansible's
		}
		for _, doc := range s.quietTrees() {
			content := doc.at("content")
			for _, source := range content.at("sources").list() {
				s.antoraSource(source, content)
			}
		}
	})
}

// antoraSource reads a source, which has the branches of all where it names none
// itself.
func (s *sheet) antoraSource(source, content *node) {
	url := source.value("url")
	branches := source.at("branches")
	if branches == nil && source.at("tags") == nil {
		branches = content.at("branches")
	}
	for _, names := range branches.some() {
		for name := range strings.SplitSeq(names.value(), ",") {
			if name = strings.TrimSpace(name); name != "" && isRemote(url) && !isBranchPattern(name) {
				s.note(source.lineOf("url"), Mention{URL: gitURL(url), Name: name, Kind: Branch})
			}
		}
	}
}

func isBranchPattern(name string) bool {
	return strings.ContainsAny(name, "*?{}()[]!~") || strings.Contains(name, "..")
}
