package detect

import (
	"regexp"
	"strings"
)

// espComponents knows idf_component.yml of Espressif: a dependency with the key
// "git" has the name to be checked out as its version.
func espComponents() Detector {
	return sheetDetector("ESP-IDF", named("idf_component.yml", "idf_component.yaml"), func(s *sheet) {
		for _, root := range s.yamlTrees() {
			for _, d := range root.at("dependencies").members() {
				if url := d.str("git"); url != "" {
					name := strings.Trim(d.scalar("version"), "*")
					s.note(d.lineOf("git"), choice{commit: name}.mention(gitURL(url)))
				}
			}
		}
	})
}

var (
	hintOfESPHome = regexp.MustCompile(`(?m)^(?:external_components|packages):`)
	espSource     = regexp.MustCompile(`^(github|gitlab)://([\w.-]+/[\w.-]+)(/[^@]*)?(?:@(.+))?$`)
)

// espHome knows the components and packages that devices of ESPHome take from
// repositories.
func espHome() Detector {
	return sheetDetector("ESPHome", isYAML, func(s *sheet) {
		if !hintOfESPHome.MatchString(s.text) || !strings.Contains(s.text, "://") {
			return
		}
		for _, doc := range s.quietTrees() {
			for _, component := range doc.at("external_components").some() {
				s.espSource(component.at("source"))
			}
			packages := doc.at("packages")
			for _, pkg := range append(packages.members(), packages.list()...) {
				s.espSource(pkg)
			}
		}
	})
}

// espSource reads "github://owner/name/file@ref", or a table.
func (s *sheet) espSource(source *node) {
	if parts := espSource.FindStringSubmatch(source.str()); parts != nil {
		s.note(source.line, Mention{URL: onForge(parts[1], parts[2]), Name: parts[4]})
		return
	}
	isSource := source.at("files") != nil || source.at("file") != nil || source.value("type") == "git"
	if url := source.value("url"); isSource && isRemote(url) {
		s.note(source.lineOf("url"), Mention{URL: gitURL(url), Name: source.value("ref")})
	}
}
