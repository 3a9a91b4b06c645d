package detect

import (
	"regexp"
	"strings"
)

// zuul knows the projects that the jobs of Zuul check out and the roles they
// take. Without a host in front, a name is of a connection that Zuul's own
// configuration has.
func zuul() Detector {
	wants := anyOf(named(".zuul.yaml", ".zuul.yml", "zuul.yaml", "zuul.yml"), below("zuul.d", ".zuul.d"))
	return sheetDetector("Zuul", wants, func(s *sheet) {
		for _, doc := range s.quietTrees() {
			doc.tables(func(table *node) {
				for _, project := range table.at("required-projects").some() {
					s.zuulProject(project)
				}
				for _, role := range table.at("roles").list() {
					s.zuulName(role.value("zuul"), "", role.lineOf("zuul"))
				}
			})
		}
	})
}

func (s *sheet) zuulProject(project *node) {
	if name := project.str(); name != "" {
		s.zuulName(name, "", project.line)
		return
	}
	name, line := project.firstOf("name")
	ref, _ := project.firstOf("override-checkout", "override-branch")
	s.zuulName(name, ref, line)
}

var canonicalProject = regexp.MustCompile(`^[\w-]+(\.[\w-]+)+/[\w.~-]+(/[\w.~-]+)*$`)

func (s *sheet) zuulName(name, ref string, line int) {
	if canonicalProject.MatchString(name) {
		s.note(line, Mention{URL: "https://" + strings.TrimSuffix(name, ".git"), Name: ref})
	}
}
