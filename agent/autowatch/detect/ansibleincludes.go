package detect

import (
	"path"
	"slices"
	"strings"
)

// maxIncluded bounds how many files of tasks are read for what one file gives them.
const maxIncluded = 50

// includedTasks reads a file of tasks that is given variables here: what it
// checks out may be named nowhere else.
func (a *ansibleFile) includedTasks(task *node) {
	for _, module := range []string{"include_tasks", "import_tasks", "include", "ansible.builtin.include_tasks", "ansible.builtin.import_tasks"} {
		file := task.at(module)
		name := file.str() + file.value("file")
		given := scope{task.at("vars"), file.at("vars")}
		if name == "" || isComputed(name) || !strings.HasSuffix(path.Ext(name), "ml") || !given.saysRepo() {
			continue
		}
		if a.includes++; a.includes > maxIncluded {
			return
		}
		a.readBeside()
		sc := slices.Concat(given, a.around) // what other tasks are given does not count
		for _, doc := range a.documents(name) {
			doc.tables(func(inner *node) { a.givenTask(inner, given, sc, task.lineOf(module)) })
		}
	}
}
