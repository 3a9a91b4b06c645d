package detect

import "strings"

// gitmodules knows the submodules that follow a branch. One without a branch is
// pinned by its superproject.
func gitmodules() Detector { return sheetDetector(".gitmodules", named(".gitmodules"), findModules) }

func findModules(s *sheet) {
	var module Mention
	inside := false
	finish := func() {
		if inside && module.Name != "" {
			s.note(module.Line, module)
		}
		module = Mention{VCS: "git", Kind: Branch}
	}
	for n, line := range numbered(s.text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			finish()
			inside = strings.HasPrefix(strings.ToLower(line), "[submodule")
			_, line, _ = strings.Cut(line, "]")
		}
		key, value, _ := strings.Cut(line, "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "url":
			module.URL, module.Line = gitConfigValue(value), n
		case "branch":
			module.Name = gitConfigValue(value)
		}
	}
	finish()
}

// gitConfigValue is a value of a git configuration file, without quotes and comments.
func gitConfigValue(s string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '"':
			quoted = !quoted
		case (c == '#' || c == ';') && !quoted:
			return strings.TrimSpace(b.String())
		default:
			b.WriteByte(c)
		}
	}
	return strings.TrimSpace(b.String())
}
