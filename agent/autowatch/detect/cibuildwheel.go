package detect

import "strings"

// wheelCommands reads what the commands do that cibuildwheel is told to run, and of
// other tools what theirs have pip install.
func (s *sheet) wheelCommands(root *node) {
	calls := newScriptCalls(s, ".")
	root.at("tool", "cibuildwheel").tables(func(table *node) {
		for _, member := range table.members() {
			switch member.key {
			case "before-all", "before-build", "before-test", "test-command":
				sh := newShell(s, nil, calls)
				sh.place.at = "."
				sh.script(member.some())
			}
		}
	})
}

// commandRequirements takes the addresses out of a command or a list for pip.
func (s *sheet) commandRequirements(line int, text string) {
	for word := range strings.FieldsSeq(text) {
		if m, ok := requirement(word); ok && strings.Contains(word, "git+") && !isComputed(m.URL) && !isComputed(m.Name) {
			s.note(line, m)
		}
	}
}
