package detect

import (
	"path"
	"regexp"
	"strings"
)

// flatpaks knows the manifests of flatpak-builder: what the modules of an
// application are built from. They are named after the application, such as
// org.example.App.json.
func flatpaks() Detector {
	return sheetDetector("Flatpak", wantsFlatpak, func(s *sheet) {
		if !hintOfFlatpak.MatchString(s.text) || !strings.Contains(s.text, "runtime") || !strings.Contains(s.text, "git") {
			return
		}
		if !isYAML(s.file.Path) {
			root, _, err := readJSON(relaxed(s.text))
			s.failed(err)
			s.flatpakModules(root, 0)
			return
		}
		for _, doc := range s.yamlTrees() {
			s.flatpakModules(doc, 0)
		}
	})
}

var hintOfFlatpak = regexp.MustCompile(`(?m)(?:^|[{,])\s*["']?(?:app-)?id["']?\s*:`)

func wantsFlatpak(file string) bool {
	base := path.Base(file)
	ending := path.Ext(base)
	if ending != ".json" && !isYAML(base) {
		return false
	}
	return strings.Count(base, ".") > 2 || strings.Contains(base, "flatpak")
}

// flatpakModules reads the modules of an application or of another module.
func (s *sheet) flatpakModules(in *node, depth int) {
	if depth > maxDepth {
		return
	}
	for _, module := range in.at("modules").list() {
		for _, source := range module.at("sources").list() {
			s.flatpakSource(source)
		}
		s.flatpakModules(module, depth+1)
	}
}

// flatpakSource reads a source. What is called a tag may be a branch, since
// flatpak-builder looks for either: one without a number in it.
func (s *sheet) flatpakSource(source *node) {
	if source.value("type") != "git" {
		return // an archive has its sum beside it
	}
	c := choice{branch: source.value("branch"), tag: source.value("tag"), commit: source.value("commit")}
	if c.tag != "" && !strings.ContainsAny(c.tag, "0123456789") {
		c.name, c.tag = c.tag, ""
	}
	if url := source.value("url"); isRemote(url) {
		s.note(source.lineOf("url"), c.mention(gitURL(url)))
	}
}
