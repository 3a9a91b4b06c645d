package detect

import (
	"regexp"
	"strings"
)

// condaRecipes knows the recipes of conda-build and rattler-build: where the
// sources are from, and what the script that builds them clones. Recipes are
// templates, so that most of them are no YAML: of the sources the lines are read.
func condaRecipes() Detector {
	return sheetDetector("conda's recipes", named("meta.yaml", "recipe.yaml"), func(s *sheet) {
		if !sourceSection.MatchString(s.text) {
			return // other files of the name
		}
		s.recipeSources()
		for _, doc := range s.quietTrees() {
			s.script(doc.at("build", "script").some(), nil)
		}
	})
}

var (
	sourceSection = regexp.MustCompile(`(?m)^source:\s*(#.*)?$`)
	recipeKey     = regexp.MustCompile(`^\s*(-\s+)?(\w+):\s*(?:["']?([^\s"'#][^\s"']*)["']?)?`)
)

// recipeSources reads the table, or the list of tables, under "source".
func (s *sheet) recipeSources() {
	inside := false
	var entry recipeEntry
	for n, line := range numbered(s.text) {
		if line != "" && !strings.ContainsAny(line[:1], " #-") {
			s.recipeEntry(entry)
			inside, entry = sourceSection.MatchString(line), recipeEntry{}
			continue
		}
		parts := recipeKey.FindStringSubmatch(line)
		if !inside || parts == nil {
			continue
		}
		if parts[1] != "" {
			s.recipeEntry(entry)
			entry = recipeEntry{}
		}
		entry.set(n, parts[2], parts[3])
	}
	s.recipeEntry(entry)
}

// recipeEntry is one source of a recipe.
type recipeEntry struct {
	git, url string
	choice   choice
	summed   bool // what is downloaded has a checksum beside it
	line     int
}

func (e *recipeEntry) set(line int, key, value string) {
	switch key {
	case "git_url", "git":
		e.git, e.line = value, line
	case "url":
		e.url, e.line = value, line
	case "git_rev", "rev":
		e.choice.commit = value
	case "git_tag", "tag":
		e.choice.tag = value
	case "git_branch", "branch":
		e.choice.branch = value
	case "sha256", "sha1", "md5":
		e.summed = true
	}
}

// recipeEntry notes one, unless it is of the version that the recipe is for.
func (s *sheet) recipeEntry(e recipeEntry) {
	m, ok := e.choice.mention(e.git), isRemote(e.git) && !isComputed(e.choice.tag+e.choice.commit)
	if e.git == "" && !e.summed {
		m, ok = archiveFile(e.url)
		ok = ok && !isComputed(m.URL+m.Name)
	}
	if ok {
		s.note(e.line, m)
	}
}
