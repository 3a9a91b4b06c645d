package detect

import (
	"path"
	"regexp"
)

// kolla knows the sources that Kolla's images are made of: those of
// kolla-build.conf, and those that an Ansible tree gives to it.
func kolla() Detector {
	wants := anyOf(isYAML, named("kolla-build.conf"))
	return sheetDetector("Kolla", wants, func(s *sheet) {
		if path.Ext(s.file.Path) == ".conf" {
			s.kollaOptions()
		} else if hintOfKolla.MatchString(s.text) {
			for _, doc := range s.quietTrees() {
				doc.tables(s.kollaSource)
			}
		}
	})
}

var hintOfKolla = regexp.MustCompile(`(?m)^ +["']?location["']?:[^\n]*\n(.*\n)? +["']?reference["']?:`)

func (s *sheet) kollaSource(table *node) {
	if table.value("type") == "git" {
		s.note(table.lineOf("location"), Mention{URL: table.value("location"), Name: table.value("reference"), TagFirst: true})
	}
}

// kollaOptions reads kolla-build.conf, where each source has a section.
func (s *sheet) kollaOptions() {
	sources := map[string]map[string]iniLine{}
	var order []string
	for _, o := range iniOptions(s.text) {
		if len(o.lines) == 0 || len(order) > maxItems {
			continue
		}
		if sources[o.section] == nil {
			sources[o.section], order = map[string]iniLine{}, append(order, o.section)
		}
		sources[o.section][o.name] = o.lines[0]
	}
	for _, name := range order {
		if source := sources[name]; source["type"].text == "git" {
			s.note(source["location"].line, Mention{URL: source["location"].text, Name: source["reference"].text, TagFirst: true})
		}
	}
}
