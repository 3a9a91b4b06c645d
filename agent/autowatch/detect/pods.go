package detect

import (
	"regexp"
	"strings"
)

// pods knows what Kubernetes runs that fetches for itself: the scripts of
// containers and of Tekton's steps, what Tekton resolves from git or downloads,
// and the catalogs of its hub.
func pods() Detector {
	return sheetDetector("pods", isYAML, func(s *sheet) {
		if !strings.Contains(s.text, "apiVersion") || !hintOfPod.MatchString(s.text) {
			return
		}
		hasScripts := hintOfScript.MatchString(s.text)
		for _, doc := range s.quietTrees() {
			doc.tables(func(table *node) {
				if hasScripts && table.value("image") != "" {
					s.container(table)
				}
				s.tekton(table)
				s.asCode(table.at("annotations"))
			})
		}
	})
}

var hintOfPod = regexp.MustCompile(`git\s.*clone|\bresolver: *["']?git\b|git-resolver-config|kind: *["']?TektonHub\b|pipelinesascode\.tekton\.dev/(pipeline|task)`)

// container reads the scripts of a container or a step.
func (s *sheet) container(table *node) {
	for _, key := range []string{"command", "args", "script"} {
		s.script(table.at(key).some(), nil)
	}
}

// tekton reads a reference that Tekton resolves from git, the repository where
// it looks when a reference names none, or the catalogs of a hub.
func (s *sheet) tekton(table *node) {
	if table.value("resolver") == "git" {
		given := map[string]*node{}
		for _, p := range table.at("params").list() {
			given[p.value("name")] = p
		}
		s.resolved(given["url"], "value", given["revision"].value("value"))
	}
	resolver := table.at("git-resolver-config")
	s.resolved(resolver, "default-url", resolver.value("default-revision"))
	if table.value("kind") == "TektonHub" {
		for _, catalog := range table.at("spec", "catalogs").list() {
			s.resolved(catalog, "url", catalog.value("revision"))
		}
	}
}

var asCode = regexp.MustCompile(`^pipelinesascode\.tekton\.dev/(pipeline|task(-\d+)?)$`)

// asCode reads the annotations that have Pipelines as Code download pipelines
// and tasks: one address, or a list of them in brackets.
func (s *sheet) asCode(annotations *node) {
	for _, a := range annotations.members() {
		if !asCode.MatchString(a.key) {
			continue
		}
		for address := range strings.SplitSeq(strings.Trim(a.str(), "[] "), ",") {
			if m, ok := rawFile(strings.Trim(address, ` "'`)); ok && !isComputed(address) {
				s.note(a.line, m)
			}
		}
	}
}

// resolved notes what is written out; parameters are given when it runs.
func (s *sheet) resolved(table *node, key, name string) {
	if url := table.value(key); url != "" && !isComputed(url) && !isComputed(name) {
		s.note(table.lineOf(key), Mention{URL: url, Name: name})
	}
}
