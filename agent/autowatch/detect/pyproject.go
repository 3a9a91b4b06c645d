package detect

import (
	"slices"
	"strings"
)

// pyprojects knows pyproject.toml: the requirements of the standard, and the
// tables of Poetry, uv, PDM, Hatch and Pixi. A text that is a requirement is
// taken for one wherever it is, except among the URLs that describe the project.
func pyprojects() Detector {
	return sheetDetector("pyproject", named("pyproject*.toml", "pixi.toml"), (*sheet).pyproject)
}

// inlineScripts knows the metadata that a Python script may begin with ("# ///
// script"), which is read as a pyproject.toml.
func inlineScripts() Detector {
	return sheetDetector("inline metadata", named("*.py"), func(s *sheet) {
		if strings.Contains(s.text, "# /// script\n") {
			s.text = inlineMetadata(s.text)
			s.pyproject()
		}
	})
}

// inlineMetadata is the first block of metadata, in the lines where it stands.
func inlineMetadata(text string) string {
	var b strings.Builder
	inside, over := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case over:
		case !inside:
			inside = line == "# /// script"
		case line == "# ///" || !strings.HasPrefix(line, "#"):
			over = true
		default:
			b.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "#"), " "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *sheet) pyproject() {
	root := s.tomlTree()
	s.wheelCommands(root)
	root.each(nil, func(keys []string, n *node) {
		switch {
		case n.shape == isText && !slices.Contains(keys, "urls"):
			s.pyRequirements(n, keys)
		case n.shape == isTable && isDependency(keys):
			s.pyTable(n)
		}
	})
}

// pyRequirements reads a text of one requirement, or of a tox.ini.
func (s *sheet) pyRequirements(n *node, keys []string) {
	if !strings.Contains(n.text, "\n") {
		s.requirement(n.line, n.text)
		if keys[0] == "tool" && !describes(keys) && strings.Contains(n.text, "install ") {
			s.commandRequirements(n.line, n.text)
		}
		return
	}
	if !slices.Contains(keys, "legacy_tox_ini") {
		return
	}
	for i, line := range numbered(n.text) {
		s.iniRequirement(n.line+i, line) // the text begins in the line after its quotes
	}
}

// isDependency tells whether a table under keys is a dependency: where tools
// list them, or the list says where each is from.
func isDependency(keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		return key == "sources" || key == "source" || key == "dependency-overrides" || strings.HasSuffix(key, "dependencies")
	})
}

// pyTable notes a dependency such as { git = "https://host/o/r", branch = "main" }.
func (s *sheet) pyTable(n *node) {
	if url := n.str("git"); hasPath(url) { // a table of packages may have one that is called git
		c := choice{branch: n.str("branch"), tag: n.str("tag"), commit: n.str("rev"), branchFirst: true}
		s.note(n.lineOf("git"), c.mention(gitURL(url)))
	}
}

// pipfiles knows Pipfile.
func pipfiles() Detector {
	return sheetDetector("pipenv", named("Pipfile"), func(s *sheet) {
		s.pipenv(s.tomlTree())
	})
}

// pipfileLocks knows Pipfile.lock, which names the commits that were taken.
func pipfileLocks() Detector {
	return sheetDetector("pipenv-lock", named("Pipfile.lock"), func(s *sheet) {
		s.pipenv(s.jsonTree())
	})
}

func (s *sheet) pipenv(root *node) {
	for _, group := range root.members() {
		for _, pkg := range group.members() {
			for _, vcs := range []string{"git", "hg"} {
				if url := pkg.str(vcs); url != "" {
					s.note(pkg.lineOf(vcs), Mention{VCS: vcs, URL: gitURL(url), Name: pkg.str("ref")})
				}
			}
		}
	}
}
