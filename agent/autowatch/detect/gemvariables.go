package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what pipelines tell one Gemfile.
const (
	maxGemPipelines = 20 // that are read
	maxGemSettings  = 30 // values of variables, for each of which it is read again
)

var gemVariable = regexp.MustCompile(`\bENV(?:\.fetch\(|\[)\s*["'](\w+)["']`)

// gemSetting is a variable of the environment that a job of a pipeline has.
type gemSetting struct{ name, value string }

// gemSettings are those of the workflows of the repository that a Gemfile asks for.
func (s *sheet) gemSettings() []gemSetting {
	var names []string
	for _, parts := range gemVariable.FindAllStringSubmatch(s.text, maxItems) {
		names = append(names, parts[1])
	}
	if len(names) == 0 || s.file.List == nil {
		return nil
	}
	dir := strings.Repeat("../", strings.Count(path.Clean(s.file.Path), "/")) + ".github/workflows"
	var settings []gemSetting
	files := s.file.List(dir)
	for _, name := range files[:min(len(files), maxGemPipelines)] {
		if !isYAML(name) {
			continue
		}
		workflow := newSheet(File{Path: name, Text: []byte(s.beside(dir + "/" + name))})
		if !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(workflow.text, name) }) {
			continue // most are about something else
		}
		for _, tree := range workflowTrees(workflow.quietTrees(), nil) {
			settings = takeSettings(settings, tree, names)
		}
	}
	return settings
}

var tagLike = regexp.MustCompile(`^v\d`)

// takeSettings adds those of a job and of its steps. A tag does not move, whatever
// a Gemfile makes of its name.
func takeSettings(settings []gemSetting, job *node, names []string) []gemSetting {
	job.tables(func(table *node) {
		for _, variable := range table.at("env").members() {
			setting := gemSetting{variable.key, variable.value()}
			if slices.Contains(names, variable.key) && setting.value != "" && !isComputed(setting.value) && !tagLike.MatchString(setting.value) && len(settings) < maxGemSettings && !slices.Contains(settings, setting) {
				settings = append(settings, setting)
			}
		}
	})
	return settings
}
