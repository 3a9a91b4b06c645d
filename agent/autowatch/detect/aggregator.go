package detect

import (
	"regexp"
	"strings"
)

// gitAggregator knows what git-aggregator merges: of each repository the remotes
// and, from those, what is merged.
func gitAggregator() Detector {
	return sheetDetector("git-aggregator", anyOf(named("*repos.yml", "*repos.yaml", "gitaggregate*.y*ml", "aggregate*.y*ml"), below("repos", "repos.d")), func(s *sheet) {
		if !strings.Contains(s.text, "merges:") {
			return
		}
		around := s.surroundings()
		for _, doc := range s.yamlTrees() {
			for _, repo := range doc.members() {
				for _, merge := range repo.at("merges").list() {
					s.aggregated(repo.at("remotes"), merge, around)
				}
			}
		}
	})
}

// aggregated reads "remote ref", or the table of both, with the variables that
// are put in. It fetches the ref by its name, so that a tag wins.
func (s *sheet) aggregated(remotes, merge *node, around *dockerfile) {
	remote, name := merge.value("remote"), merge.value("ref")
	if words := strings.Fields(merge.str()); len(words) >= 2 {
		remote, name = words[0], words[1]
	}
	s.note(merge.line, Mention{URL: around.expand(remotes.value(remote)), Name: around.expand(name), TagFirst: true})
}

// odooDependencies knows oca_dependencies.txt, which names repositories: without
// a URL those of the OCA, and without a branch those of the same branch as here.
func odooDependencies() Detector {
	return sheetDetector("OCA dependencies", named("oca_dependencies.txt"), func(s *sheet) {
		series := s.odooSeries()
		for n, line := range numbered(s.text) {
			line, _, _ = strings.Cut(line, "#")
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			m := Mention{URL: "https://github.com/OCA/" + words[0], Name: ".", Kind: Branch, Instead: series}
			if len(words) > 1 {
				m.URL = words[1]
			}
			if len(words) > 2 {
				m.Name, m.Kind, m.Instead = words[2], Any, ""
			}
			s.note(n, m)
		}
	})
}

var odooVersion = regexp.MustCompile(`(?m)^(?:odoo_version: *|.*\bVERSION=)["']?(\d+\.\d+)\b`)

// odooSeries is the version of Odoo that the addons here are for, which is what
// branches of the OCA are called: as the template says that the repository was
// made from, or the pipeline that older ones have.
func (s *sheet) odooSeries() string {
	for _, name := range []string{".copier-answers.yml", ".travis.yml"} {
		if parts := odooVersion.FindStringSubmatch(s.beside(name)); parts != nil {
			return parts[1]
		}
	}
	return ""
}
