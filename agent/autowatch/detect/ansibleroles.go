package detect

import (
	"path"
	"strings"
)

// givenRoles reads the tasks of roles that are given variables here, by a role
// that depends on them or by a playbook: what they check out may be named
// nowhere else.
func (a *ansibleFile) givenRoles(doc *node) {
	if path.Base(path.Dir(a.file.Path)) == "meta" {
		a.givenRole("../..", doc.at("dependencies").list())
		a.checkoutsOfRoles(doc.at("dependencies").list())
	}
	for _, play := range doc.list() {
		a.givenRole("roles", play.at("roles").list())
	}
}

func (a *ansibleFile) givenRole(roles string, uses []*node) {
	for _, use := range uses {
		name, line := use.firstOf("role", "name")
		given := scope{use.at("vars"), use}
		if !isPlainWord(name) || !given.saysRepo() {
			continue
		}
		a.readBeside()
		role := roles + "/" + name
		sc := append(append(given, a.variables(role+"/defaults/main.yml")...), a.around...)
		for _, doc := range a.documents(role + "/tasks/main.yml") {
			doc.tables(func(task *node) { a.givenTask(task, given, sc, line) })
		}
	}
}

// saysRepo tells whether one of the variables may be that of a repository.
func (sc scope) saysRepo() bool {
	for _, table := range sc {
		for _, member := range table.members() {
			if _, ok := repoStem(member.key); ok && hasPath(member.str()) {
				return true
			}
		}
	}
	return false
}

// givenTask reads a task of git whose address is made of what was given.
func (a *ansibleFile) givenTask(task *node, given, sc scope, line int) {
	for _, module := range []string{"git", "ansible.builtin.git"} {
		args := task.at(module)
		url := args.value("repo")
		if a.loops--; a.loops < 0 || !strings.Contains(url, "{{") || given.expand(url) == url {
			continue
		}
		a.note(line, Mention{VCS: "git", URL: sc.expand(url), Name: sc.expand(args.value("version"))})
	}
}
