package detect

import (
	"net/url"
	"strings"
)

// helm knows the charts that the plugin helm-git fetches from repositories, for
// Helm and for Helmfile, which has a way of its own besides.
func helm() Detector {
	wants := anyOf(
		named("Chart.yaml", "Chart.yml", "requirements.yaml", "helmfile.yaml", "helmfile.yml", "helmfile.yaml.gotmpl"),
		below("helmfile.d"),
	)
	return sheetDetector("Helm", wants, func(s *sheet) {
		for _, doc := range s.yamlTrees() {
			for _, table := range append(doc.at("dependencies").list(), doc.at("repositories").list()...) {
				text, line := table.firstOf("repository", "url")
				s.helmGit(text, line)
			}
			for _, table := range append(doc.at("releases").list(), doc.at("helmfiles").list()...) {
				text, line := table.firstOf("chart", "path")
				if text == "" {
					text, line = table.value(), table.lineOf("")
				}
				s.helmGit(text, line)
			}
		}
	})
}

// helmGit reads "git+https://host/o/r@path/of/chart?ref=branch".
func (s *sheet) helmGit(address string, line int) {
	rest, ok := strings.CutPrefix(address, "git+")
	if !ok {
		if rest, ok = strings.CutPrefix(address, "git::"); !ok {
			return
		}
	}
	rest, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		s.fail(line, "the address makes no sense")
		return
	}
	if at := strings.LastIndexByte(rest, '@'); at > pathStart(rest) {
		rest = rest[:at]
	}
	s.note(line, Mention{URL: gitURL(beforeSubdirectory(rest)), Name: values.Get("ref")})
}
