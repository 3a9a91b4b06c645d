package detect

import (
	"path"
	"slices"
	"strings"
)

// tomlSources knows the files of TOML that tools have for themselves, such as
// antsibull-nox.toml and hatch.toml. A text that begins as pip's addresses do says by
// itself that something is cloned; what the tool is for does not matter.
func tomlSources() Detector {
	wants := func(file string) bool {
		own := []string{"pixi.toml", "Cargo.toml", "pylock.toml"}
		base := path.Base(file)
		return path.Ext(file) == ".toml" && !strings.HasPrefix(base, "pyproject") && !slices.Contains(own, base)
	}
	return sheetDetector("TOML", wants, func(s *sheet) {
		if !strings.Contains(s.text, "git+") && !strings.Contains(s.text, "hg+") {
			return
		}
		s.tomlTree().each(nil, func(keys []string, n *node) {
			if n.shape == isText && !describes(keys) {
				s.tomlSource(n)
			}
		})
	})
}

// describes tells whether what is under keys is only about the project.
func describes(keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		return slices.Contains([]string{"urls", "repository", "homepage", "documentation"}, key)
	})
}

// tomlSource reads a requirement of pip, or what ansible-galaxy takes: the name
// behind a comma.
func (s *sheet) tomlSource(n *node) {
	address, name, galaxy := strings.Cut(n.text, ",")
	m, ok := requirement(address)
	if !ok || !strings.Contains(address, m.VCS+"+") {
		return
	}
	if galaxy && m.Name == "" {
		m.Name, m.TagFirst = strings.TrimSpace(name), true
	}
	s.note(n.line, m)
}
