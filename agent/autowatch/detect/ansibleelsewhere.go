package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what of a tree is looked through for variables.
const (
	maxOtherDirs  = 200
	maxOtherFiles = 500
	maxOtherDepth = 4
	maxOtherText  = 4 << 20 // bytes of all files
	maxOtherNames = 20      // variables that one checkout hangs on
)

// otherFile is a playbook or a file of variables somewhere in the tree.
type otherFile struct {
	name string // relative to the directory of the file that is read
	text string
}

// elsewhere has read called with what other files of the tree say about the
// variables in texts: playbooks that use the role which the file is of, and the
// variables of groups and hosts. There a checkout may have its other half.
func (a *ansibleFile) elsewhere(sc scope, texts []string, read func(sc scope, note func(Mention))) {
	names := sc.variablesIn(texts)
	if len(names) == 0 || !isOfAnsible(a.file.Path) || isBelow(a.file.Path, "tests") {
		return
	}
	for _, other := range a.otherFiles() {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(other.text, name+":") }) {
			continue
		}
		for _, said := range a.said(other, names) {
			line := said.lineOf(names)
			read(slices.Concat(scope{{}}, said, sc), func(m Mention) { a.noteElsewhere(other, line, m) })
		}
	}
}

// noteElsewhere takes what is checked out as another file says, if all of it is known.
func (a *ansibleFile) noteElsewhere(other otherFile, line int, m Mention) {
	if m.VCS == "" {
		m.VCS = "git"
	}
	if isComputed(m.URL) || isComputed(m.Name) || !looksLikeGit(m.URL) && !isRemote(m.URL) || a.seen[m] {
		return
	}
	m.File = path.Join(path.Dir(a.file.Path), other.name)
	a.note(line, m)
}

// pairElsewhere reads a pair whose one half is said otherwise in another file.
func (a *ansibleFile) pairElsewhere(table, repo, name *node) {
	texts := []string{repo.text, name.value()}
	if table == a.doc { // only what stands at the top is a variable
		texts = []string{"{{ " + repo.key + " }}", "{{ " + name.key + " }}"}
	}
	a.elsewhere(a.scope(table), texts, func(sc scope, note func(Mention)) {
		if m, ok := sc.pair(texts[0], texts[1]); ok {
			note(m)
		}
	})
}

// isOfAnsible tells whether a file lies where only Ansible has its files.
func isOfAnsible(file string) bool {
	return isBelow(file, "roles", "playbooks", "group_vars", "host_vars")
}

// said is what another file says of the variables: the variables of hosts and
// groups, or those of each play that uses the role, with what it gives to the role.
func (a *ansibleFile) said(other otherFile, names []string) []scope {
	role := roleOf(a.file.Path)
	var all []scope
	for _, doc := range a.documents(other.name) {
		if doc.shape == isTable {
			all = append(all, scope{doc})
			continue
		}
		for _, play := range doc.list() {
			if role == "" || uses(play, role) {
				all = append(all, a.saidByPlay(play, role, names, path.Dir(other.name))...)
			}
		}
	}
	return slices.DeleteFunc(all, func(said scope) bool { return said.lineOf(names) == 0 })
}

// maxUses bounds how often one play may use a role, each time with other variables.
const maxUses = 100

// saidByPlay is what a play in dir says. If that is one of the variables, the
// files that it names may say the others.
func (a *ansibleFile) saidByPlay(play *node, role string, names []string, dir string) []scope {
	var all []scope
	vars := scope(play.at("vars").some())
	for _, use := range play.at("roles").list() {
		if name, _ := use.firstOf("role", "name"); name == role && len(all) < maxUses {
			all = append(all, append(scope{use, use.at("vars")}, vars...))
		}
	}
	if len(all) == 0 {
		all = append(all, vars)
	}
	if slices.ContainsFunc(all, func(said scope) bool { return said.lineOf(names) > 0 }) {
		files := a.varsFiles(play, dir)
		for i, said := range all {
			all[i] = slices.Concat(said, files)
		}
	}
	return all
}

// lineOf is where one of the variables is said, 0 for nowhere. A text under a
// plain word may be another's.
func (sc scope) lineOf(names []string) int {
	for _, name := range names {
		said := sc.lookup(name)
		if said != nil && (said.shape == isTable || said.shape == isList || strings.Contains(strings.Trim(name, "_"), "_")) {
			return said.line
		}
	}
	return 0
}

// roleOf is the name of the role that a file is of.
func roleOf(file string) string {
	_, below, _ := strings.Cut("/"+file, "/roles/")
	role, _, _ := strings.Cut(below, "/")
	return role
}

// uses tells whether a play names a role: among its own, or in a task.
func uses(play *node, role string) bool {
	found := false
	play.each(nil, func(_ []string, n *node) { found = found || n.str() == role })
	return found
}

// otherFiles are the playbooks and the files of variables of the tree.
func (a *ansibleFile) otherFiles() []otherFile {
	if a.listed || a.file.List == nil {
		return a.others
	}
	a.listed = true
	top := topOfTree(a.file.Path)
	dirs := []string{top}
	for i := 0; i < len(dirs) && i < maxOtherDirs; i++ {
		for _, name := range a.file.List(dirs[i]) {
			at := path.Join(dirs[i], name)
			switch below := strings.TrimPrefix(strings.TrimPrefix(at, top), "/"); {
			case strings.HasSuffix(name, "/") && !isNoPlaceForVariables(name) && strings.Count(below, "/") < maxOtherDepth:
				dirs = append(dirs, at)
			case !strings.HasSuffix(name, "/") && !a.isThis(at) && len(a.others) < maxOtherFiles:
				a.other(at)
			}
		}
	}
	return a.others
}

// other takes a file that has variables by where it lies or by what it says.
func (a *ansibleFile) other(name string) {
	vars := isBelow(name, "group_vars", "host_vars") || isYAML(name) && isBelow(name, "vars")
	if !vars && !isYAML(name) {
		return
	}
	if text := a.beside(name); vars || strings.Contains(text, "hosts:") {
		if a.otherText += len(text); a.otherText <= maxOtherText {
			a.others = append(a.others, otherFile{name, text})
		}
	}
}

// isNoPlaceForVariables tells whether a directory of a tree has other things:
// roles have theirs beside them.
func isNoPlaceForVariables(dir string) bool {
	return strings.HasPrefix(dir, ".") || slices.Contains([]string{"roles/", "files/", "templates/", "docs/", "doc/", "tests/", "molecule/", "collections/", "node_modules/", "vendor/"}, dir)
}

// topOfTree leads from a file to where its tree of Ansible begins.
func topOfTree(file string) string {
	dirs := strings.Split(path.Dir(file), "/")
	for i, dir := range dirs {
		if slices.Contains([]string{"roles", "playbooks", "group_vars", "host_vars", "inventory", "inventories"}, dir) {
			return path.Join(".", strings.Repeat("../", len(dirs)-i))
		}
	}
	return "."
}

var (
	templateWord   = regexp.MustCompile(`[A-Za-z_]\w*`)
	templateQuoted = regexp.MustCompile(`'[^']*'|"[^"]*"`)
)

// variablesIn are the names of the variables in templates, and in the values of
// these.
func (sc scope) variablesIn(texts []string) []string {
	var names []string
	texts = slices.Clone(texts)
	for i := 0; i < len(texts) && i < 2*maxOtherNames; i++ {
		for _, expression := range templateExpression.FindAllStringSubmatch(texts[i], maxTerms) {
			for _, name := range templateWord.FindAllString(templateQuoted.ReplaceAllString(expression[1], ""), maxTerms) {
				if name == "item" || slices.Contains(names, name) || len(names) == maxOtherNames {
					continue
				}
				names = append(names, name)
				texts = append(texts, sc.lookup(name).value())
			}
		}
	}
	return names
}
