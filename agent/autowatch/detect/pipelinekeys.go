package detect

import (
	"path"
	"regexp"
	"strings"
)

// ownKeys are the keys that have commands in the files of one service, and
// may have anything in those of others.
var ownKeys = []struct {
	file *regexp.Regexp
	keys *regexp.Regexp
}{
	{regexp.MustCompile(`^\.gitpod\.ya?ml$`), regexp.MustCompile(`^(init|before|command|prebuild)$`)},
	{regexp.MustCompile(`^\.cirrus\.yml$`), regexp.MustCompile(`_script$`)},
	{regexp.MustCompile(`^bitrise\.ya?ml$`), regexp.MustCompile(`^content$`)},
	{regexp.MustCompile(`^wercker\.yml$`), regexp.MustCompile(`^code$`)},
	{regexp.MustCompile(`^\.?appveyor\.yml$`), regexp.MustCompile(`^(ps|pwsh|sh)$`)},
	{regexp.MustCompile(`azure[-_]pipeline`), regexp.MustCompile(`^(pwsh|powershell)$`)},
	{regexp.MustCompile(`^okteto\.ya?ml$`), regexp.MustCompile(`^(deploy|destroy)$`)},
	{regexp.MustCompile(`devcontainer\.json$`), regexp.MustCompile(`^(initialize|onCreate|updateContent|post(Create|Start|Attach))Command$`)},
	{regexp.MustCompile(`^vercel\.json$`), regexp.MustCompile(`^(build|install|dev)Command$`)},
	{regexp.MustCompile(`^screwdriver\.ya?ml$`), regexp.MustCompile(`^[a-z][\w-]*$`)}, // the name of a step
}

// isScript tells whether what a key of a file of pipelines has are commands.
func isScript(file, key string) bool {
	if scriptKey.MatchString(key) {
		return true
	}
	base := path.Base(file)
	for _, own := range ownKeys {
		if own.keys.MatchString(key) && own.file.MatchString(base) {
			return true
		}
	}
	return strings.Contains("/"+file, "/.builds/") && isStepName.MatchString(key)
}

var (
	isStepName  = regexp.MustCompile(`^[a-z0-9_-]+$`)
	jsonComment = regexp.MustCompile(`(?m)^\s*//.*$`)
)

// pipelineTrees are the documents of a pipeline, or what can be read of a file of
// JSON, which may have comments.
func (s *sheet) pipelineTrees() []*node {
	if !strings.HasSuffix(s.file.Path, ".json") {
		return s.quietTrees()
	}
	doc, _, _ := readJSON(jsonComment.ReplaceAllString(s.text, ""))
	if doc == nil {
		return nil
	}
	return []*node{doc}
}
