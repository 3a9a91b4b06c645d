package detect

import (
	"path"
	"slices"
	"strings"
)

// Bounds of the files that are read because others name them.
const (
	maxIncluded  = 50 // for one file
	maxVarsFiles = 10 // of one play
)

// varsFiles are the variables in the files that a play in dir names.
func (a *ansibleFile) varsFiles(play *node, dir string) scope {
	var sc scope
	files := play.at("vars_files").list()
	for _, file := range files[:min(len(files), maxVarsFiles)] {
		name := file.str()
		if name == "" || isComputed(name) || path.IsAbs(name) {
			continue
		}
		if a.includes++; a.includes > maxIncluded {
			break
		}
		sc = append(sc, a.variables(path.Join(dir, name))...)
	}
	return sc[:min(len(sc), maxPlays)]
}

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
