package detect

import (
	"cmp"
	"iter"
	"regexp"
	"slices"
	"strings"
)

// download reads a task that takes an archive or a file of a branch from a
// forge, which may be a package, unless its sum is written beside it.
func (a *ansibleFile) download(task *node) {
	for module, key := range map[string]string{"get_url": "url", "unarchive": "src", "win_get_url": "url", "apt": "deb", "yum": "name", "dnf": "name", "authorized_key": "key", "k8s": "src"} {
		for _, name := range []string{module, "ansible.builtin." + module, "ansible.windows." + module, "ansible.posix." + module, "kubernetes.core." + module} {
			args, line := task.at(name), task.at(name).lineOf(key)
			if args.str() != "" {
				args, line = oldArguments(args.text), args.line
			}
			if url := args.value(key); args.value("checksum") == "" && url != "" {
				a.filesOf(task, url, line)
			}
		}
	}
}

var lookedUp = regexp.MustCompile(`\b(?:lookup|query|q)\(\s*['"](?:ansible\.builtin\.)?url['"]\s*,\s*(?:'([^']+)'|"([^"]+)"|(\w+))`)

// lookups reads the files that expressions look up at an address.
func (a *ansibleFile) lookups(table *node) {
	for _, member := range table.members() {
		if !strings.Contains(member.str(), "url") {
			continue
		}
		for _, parts := range lookedUp.FindAllStringSubmatch(member.text, maxTerms) {
			url := parts[1] + parts[2]
			if parts[3] != "" {
				url = "{{ " + parts[3] + " }}"
			}
			a.fileOf(a.scope(table), url, member.line)
		}
	}
}

// filesOf takes what a task downloads, once for each item that it loops over.
func (a *ansibleFile) filesOf(task *node, url string, line int) {
	sc := a.scope(task)
	if !isComputed(url) {
		a.fileOf(sc, url, line)
		return
	}
	for _, each := range a.loop(task, sc) {
		if a.loops--; a.loops < 0 {
			return
		}
		a.fileOf(append(scope{each}, sc...), url, line)
	}
}

// fileOf takes the address of a file or an archive at a forge.
func (a *ansibleFile) fileOf(sc scope, url string, line int) {
	url = sc.expand(url)
	if m, ok := forgeFile(url); ok && !isComputed(m.URL) && !isComputed(m.Name) {
		a.note(line, m)
	}
}

// archivesOfBranches reads the variables of hosts, groups and roles that name an
// archive or a file of what says itself that it is a branch: what roles from
// elsewhere download. A sum beside it is a variable of the same stem.
func (a *ansibleFile) archivesOfBranches(vars *node) {
	if !isBelow(a.file.Path, "group_vars", "host_vars", "defaults", "vars") {
		return
	}
	summed := map[string]bool{}
	for _, variable := range vars.members() {
		if before, ok := stem(strings.ToLower(variable.key), sumWords); ok {
			summed[before] = true
		}
	}
	for _, variable := range vars.members() {
		before, _ := stem(strings.ToLower(variable.key), repoWords)
		if url := variable.str(); strings.Contains(url, "/refs/heads/") && !summed[before] {
			a.fileOf(a.scope(vars), url, variable.line)
		}
		for _, text := range variable.some() {
			a.directReference(vars, text)
		}
	}
}

// directReference reads a variable that is a requirement of Python by its form:
// "name @ address", which says that pip is given it.
func (a *ansibleFile) directReference(vars, variable *node) {
	text := variable.str()
	if !strings.Contains(text, "://") || !pipNamed.MatchString(text) {
		return
	}
	if m, ok := requirement(a.scope(vars).expand(text)); ok && !isComputed(m.URL) && !isComputed(m.Name) {
		a.note(variable.line, m)
	}
}

// sumWords are how the names of variables for sums end.
var sumWords = []string{"checksum", "sha256", "sha256sum", "digest"}

// commandKeys are what tasks call the commands that they run.
var commandKeys = []string{
	"shell", "command", "raw", "job", "ansible.builtin.shell", "ansible.builtin.command", "ansible.builtin.raw",
	"win_shell", "win_command", "ansible.windows.win_shell", "ansible.windows.win_command",
}

// commands reads what the commands of a task clone or have pip install. What
// is put together as they run is left out.
func (a *ansibleFile) commands(task *node) {
	for text := range commandsOf(task) {
		if a.loops < 0 || text.str() == "" || !isComputed(text.text) && !hintOfScript.MatchString(text.text) {
			continue
		}
		sc, each := a.scope(task), []*node{{}}
		if len(text.text) <= maxURL && loopItem.MatchString(text.text) { // longer ones are not expanded
			each = a.loop(task, sc)
		}
		for _, item := range each[:min(len(each), maxItems)] {
			if a.loops--; a.loops < 0 {
				return
			}
			a.command(append(scope{item}, sc...).expand(text.text), text.line)
		}
	}
}

var loopItem = regexp.MustCompile(`\{\{-?\s*item\b`)

// command reads one with its variables put in, and what later ones check out
// where it clones.
func (a *ansibleFile) command(text string, line int) {
	if !hintOfScript.MatchString(text) {
		return
	}
	script := []*node{{shape: isText, text: text, line: line}}
	for _, later := range a.checkouts {
		if strings.Contains(text, "clone") && strings.Contains(text, later.dir) {
			script = append(script, later.command)
			a.loops--
		}
	}
	a.script(script, nil)
}

// commandsOf are the commands of a task, as they are written.
func commandsOf(task *node) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for _, member := range task.members() {
			if !slices.Contains(commandKeys, member.key) {
				continue
			}
			text := member
			if cmd := member.at("cmd"); cmd != nil {
				text = cmd
			}
			if !yield(text) {
				return
			}
		}
	}
}

// checkoutIn is a command that checks out, in a directory into which another
// task has cloned.
type checkoutIn struct {
	dir     string
	command *node
}

const maxCheckouts = 20 // of one file

var checksOut = regexp.MustCompile(`^\s*git\s+(checkout|switch|reset)\s`)

// laterCheckouts finds those of a file.
func (a *ansibleFile) laterCheckouts(doc *node) {
	a.checkouts = nil
	doc.tables(func(task *node) {
		for text := range commandsOf(task) {
			dir := cmp.Or(task.value("args", "chdir"), task.value("chdir"), task.value("shell", "chdir"), task.value("command", "chdir"))
			if dir != "" && checksOut.MatchString(text.str()) && len(a.checkouts) < maxCheckouts {
				command := &node{shape: isText, text: a.scope(task).expand(text.text), line: text.line}
				a.checkouts = append(a.checkouts, checkoutIn{a.scope(task).expand(dir), command})
			}
		}
	})
}
