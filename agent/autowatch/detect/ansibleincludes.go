package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of the files that are read because others name them.
const (
	maxIncluded  = 50 // for one file
	maxVarsFiles = 10 // of one play
	maxTaskFiles = 20 // of one role, looked through for the variables that they include
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

var hintOfIncluded = regexp.MustCompile(`\b(include|import)(_vars|_tasks)?:`)

// includedVars are the variables that a role includes on its way from main.yml
// to the tasks of this file, from files that are named there. Whether they count
// may hang on something.
func (a *ansibleFile) includedVars() scope {
	if path.Base(path.Dir(a.file.Path)) != "tasks" {
		return nil
	}
	var sc scope
	seen := map[string]bool{}
	queue := []string{"main.yml"}
	for i := 0; i < len(queue) && i < maxTaskFiles; i++ {
		text := a.beside(queue[i])
		if !hintOfIncluded.MatchString(text) {
			continue
		}
		s := &sheet{findings: newFindings(a.file), text: text}
		for _, doc := range s.yamlTrees() {
			doc.tables(func(task *node) {
				for _, name := range includedFiles(task, "include_vars") {
					if name = path.Join("../vars", name); !seen[name] && len(sc) < maxPlays {
						seen[name] = true
						sc = append(sc, a.variables(name)...)
					}
				}
				for _, name := range includedFiles(task, "include_tasks", "import_tasks", "include") {
					if !seen[name] && len(queue) < maxTaskFiles {
						seen[name] = true
						queue = append(queue, name)
					}
				}
			})
		}
	}
	return sc
}

// includedFiles are the files that a task names to one of these modules.
func includedFiles(task *node, modules ...string) []string {
	var names []string
	for _, module := range modules {
		for _, file := range []*node{task.at(module), task.at("ansible.builtin." + module)} {
			name := file.str() + file.value("file")
			if strings.HasSuffix(path.Ext(name), "ml") && !isComputed(name) && !path.IsAbs(name) {
				names = append(names, name)
			}
		}
	}
	return names
}
