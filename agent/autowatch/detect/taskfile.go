package detect

import "strings"

// taskfiles knows the files that a Taskfile includes from elsewhere, and what its
// tasks clone, unless they are for changing the repository.
func taskfiles() Detector {
	return sheetDetector("Task", named("Taskfile*.y*ml", "taskfile*.y*ml"), func(s *sheet) {
		calls := newScriptCalls(s, ".")
		for _, doc := range s.quietTrees() {
			for _, included := range doc.at("includes").members() {
				s.includedTasks(included)
			}
			values := map[string]string{}
			for _, v := range doc.at("vars").members() {
				values[v.key] = v.str()
			}
			for _, task := range doc.at("tasks").members() {
				if !isUpkeep(task.key) {
					s.task(task, values, calls)
				}
			}
		}
	})
}

func (s *sheet) includedTasks(included *node) {
	address, line := included.value(), included.line
	if file := included.at("taskfile"); file != nil {
		address, line = file.value(), file.line
	}
	if m, ok := rawFile(address); ok {
		s.note(line, m)
	} else if strings.Contains(address, ".git//") {
		s.module(strings.Replace("git::"+address, "git::git::", "git::", 1), line)
	}
}

// task reads the commands of a task, which may be a list, a text, or a table.
func (s *sheet) task(task *node, values map[string]string, calls *scriptCalls) {
	texts := task.some()
	if task.shape == isTable {
		texts = append(task.at("cmds").some(), task.at("cmd").some()...)
	}
	var script []*node
	for _, text := range texts {
		if cmd := text.at("cmd"); cmd != nil {
			text = cmd
		}
		script = append(script, &node{shape: isText, line: text.line, text: goValues(text.str(), values)})
	}
	sh := newShell(s, nil, calls)
	sh.clonesOnly = true
	sh.script(script)
}

// goValues puts texts in the place of {{.NAME}}.
func goValues(text string, values map[string]string) string {
	for name, value := range values {
		if strings.Contains(text, name) && len(text) < maxName*maxName {
			text = strings.NewReplacer("{{."+name+"}}", value, "{{ ."+name+" }}", value).Replace(text)
		}
	}
	return text
}
