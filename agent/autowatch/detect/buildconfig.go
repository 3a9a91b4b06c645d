package detect

import (
	"regexp"
	"strings"
)

// buildConfigs knows what OpenShift and Shipwright build images of. They clone
// and check out, so that a tag wins over a branch.
func buildConfigs() Detector {
	return sheetDetector("builds of OpenShift", isYAML, func(s *sheet) {
		if !strings.Contains(s.text, "Build") || !hintOfBuild.MatchString(s.text) {
			return
		}
		for _, doc := range s.quietTrees() {
			parameters := &dockerfile{values: map[string]string{}}
			for _, p := range doc.at("parameters").list() {
				parameters.values[p.value("name")] = p.value("value")
			}
			doc.tables(func(object *node) { s.imageBuild(object, parameters) })
		}
	})
}

var hintOfBuild = regexp.MustCompile(`(?m)^[ -]*["']?kind["']?: *["']?(BuildConfig|Build|ClusterBuild)["']? *(#.*)?$`)

// imageBuild reads an object, with the parameters of the template it is in.
func (s *sheet) imageBuild(object *node, parameters *dockerfile) {
	switch object.value("kind") {
	case "BuildConfig", "Build", "ClusterBuild":
	default:
		return
	}
	git := object.at("spec", "source", "git")
	url, line := git.firstOf("uri", "url")
	ref, _ := git.firstOf("ref", "revision")
	s.note(line, Mention{URL: parameters.expand(url), Name: parameters.expand(ref), TagFirst: true})
}
