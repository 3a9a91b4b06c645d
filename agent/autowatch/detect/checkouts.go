package detect

import (
	"slices"
	"strings"
)

// isCheckout tells whether a table is one of Open edX that is all of a checkout
// by itself.
func isCheckout(table *node) bool {
	return table.at("DOMAIN") != nil && table.at("REPO") != nil && table.at("VERSION") != nil
}

// checkout is what such a table names with the variables of sc.
func (sc scope) checkout(table *node) Mention {
	part := func(key string) string { return strings.Trim(sc.expand(table.value(key)), "/") }
	url := "https://" + part("DOMAIN") + "/" + part("PATH") + "/" + part("REPO")
	if part("PROTOCOL") == "ssh" {
		url = "git@" + part("DOMAIN") + ":" + part("PATH") + "/" + part("REPO")
	}
	return Mention{URL: url, Name: part("VERSION")}
}

// checkout reads such a table of the file itself.
func (a *ansibleFile) checkout(table *node) {
	if isCheckout(table) {
		sc := a.scope(&node{})
		a.note(table.lineOf("REPO"), sc.checkout(table))
		parts := []string{table.value("DOMAIN"), table.value("PATH"), table.value("REPO"), table.value("VERSION")}
		a.elsewhere(sc, parts, func(sc scope, note func(Mention)) { note(sc.checkout(table)) })
	}
}

// checkoutsOfRoles reads the checkouts that the roles which this one depends on
// have among their defaults. What is given to them here, or stands in another of
// them, may be what tells the address.
func (a *ansibleFile) checkoutsOfRoles(uses []*node) {
	for _, use := range uses {
		name, line := use.firstOf("role", "name")
		if use.shape == isText {
			name, line = use.text, use.line
		}
		a.checkoutsOfRole(name, scope{use.at("vars"), use}, line)
	}
}

// includedRole reads those of a role that a task includes, once for each item
// that it loops over.
func (a *ansibleFile) includedRole(task *node) {
	for _, module := range []string{"include_role", "import_role", "ansible.builtin.include_role", "ansible.builtin.import_role"} {
		args := task.at(module)
		if args == nil {
			continue
		}
		name, line := args.firstOf("name", "role")
		for _, each := range a.loop(task, a.scope(task)) {
			a.checkoutsOfRole(name, scope{each, task.at("vars")}, line)
		}
	}
}

// checkoutsOfRole reads those of a role that is given variables on a line of
// this file.
func (a *ansibleFile) checkoutsOfRole(name string, given scope, line int) {
	file := "../../" + name + "/defaults/main.yml"
	if a.loops--; a.loops < 0 || !isPlainWord(name) || !strings.Contains(a.beside(file), "DOMAIN") {
		return
	}
	a.readBeside()
	defaults := a.variables(file)
	sc := slices.Concat(given, defaults, a.around)
	for _, table := range defaults {
		for _, member := range table.members() {
			if given.lookup(member.key) == nil { // otherwise something else is given for it
				a.givenCheckout(member, sc, line)
			}
		}
	}
}

// givenCheckout reads the checkouts in a default. It says nothing of those that
// cannot be told: the role's own file does.
func (a *ansibleFile) givenCheckout(value *node, sc scope, line int) {
	value.tables(func(table *node) {
		if a.loops--; a.loops < 0 || !isCheckout(table) {
			return
		}
		if m := sc.checkout(table); !isComputed(m.URL) && !isComputed(m.Name) && isPlain(m.URL, maxURL) {
			a.note(line, m)
		}
	})
}
