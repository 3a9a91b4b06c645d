package detect

import "regexp"

// concourse knows the resources of Concourse's pipelines. One that asks for
// tags, or is held at a version, stays what it is.
func concourse() Detector {
	return sheetDetector("Concourse", isYAML, func(s *sheet) {
		if !hintOfConcourse.MatchString(s.text) || !hintOfGitResource.MatchString(s.text) {
			return
		}
		for _, doc := range s.quietTrees() {
			if doc.at("jobs") == nil && doc.at("resource_types") == nil {
				continue // other things have resources too
			}
			for _, resource := range doc.at("resources").list() {
				s.concourseResource(resource)
			}
		}
	})
}

var (
	hintOfConcourse   = regexp.MustCompile(`(?m)^resources:`)
	hintOfGitResource = regexp.MustCompile(`type: *["']?(git|hg)\b`)
	concourseVariable = regexp.MustCompile(`\(\(.*?\)\)`)
)

func (s *sheet) concourseResource(r *node) {
	kind, source := r.value("type"), r.at("source")
	if kind != "git" && kind != "hg" || r.at("version") != nil {
		return
	}
	for _, key := range []string{"tag_filter", "tag_regex"} {
		if source.value(key) != "" {
			return
		}
	}
	m := Mention{VCS: kind, URL: source.value("uri"), Name: source.value("branch"), Kind: Branch}
	if concourseVariable.MatchString(m.URL) || concourseVariable.MatchString(m.Name) {
		s.fail(r.lineOf("source"), "what it follows is computed")
		return
	}
	s.note(source.lineOf("uri"), m)
}
