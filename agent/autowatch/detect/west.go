package detect

import (
	"regexp"
	"strings"
)

// west knows the manifests of Zephyr's meta-tool. It fetches a revision by its
// name, so that a tag wins over a branch.
func west() Detector {
	wants := anyOf(named("west.yml", "west.yaml", "west-*.yml", "west_*.yml", "*manifest*.yml"), below("submanifests"))
	return sheetDetector("west", notBelow(wants, "docs", "doc", "examples", "example"), func(s *sheet) {
		if !hintOfWest.MatchString(s.text) {
			return // most files of such names are of other programs
		}
		for _, doc := range s.yamlTrees() {
			manifest := doc.at("manifest")
			bases := map[string]string{}
			for _, remote := range manifest.at("remotes").list() {
				bases[remote.value("name")] = strings.TrimRight(remote.value("url-base"), "/")
			}
			for _, project := range manifest.at("projects").list() {
				s.westProject(project, manifest.at("defaults"), bases)
			}
		}
	})
}

var hintOfWest = regexp.MustCompile(`(?m)^manifest:`)

func (s *sheet) westProject(project, defaults *node, bases map[string]string) {
	m := Mention{URL: project.value("url"), Name: project.value("revision"), TagFirst: true}
	line := project.lineOf("url")
	if m.URL == "" {
		remote, _ := project.firstOf("remote")
		if remote == "" {
			remote = defaults.value("remote")
		}
		path, _ := project.firstOf("repo-path", "name")
		if bases[remote] == "" || path == "" {
			s.fail(project.line, "the remote of the project is not known")
			return
		}
		m.URL, line = bases[remote]+"/"+path, project.lineOf("name")
	}
	if m.Name == "" {
		m.Name = defaults.value("revision")
	}
	if m.Name == "" {
		m.Name = "master" // as west has it
	}
	s.note(line, m)
}
