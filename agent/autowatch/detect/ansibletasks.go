package detect

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// ansibleTasks knows what Ansible checks out: tasks with the modules git and hg,
// and pairs of variables such as Open edX has, "shop_repo" and "shop_version",
// which say so in whatever file of variables they stand.
func ansibleTasks() Detector {
	wants := anyOf(isYAML, func(file string) bool {
		return strings.Contains("/"+file, "/group_vars/") || strings.Contains("/"+file, "/host_vars/")
	})
	return sheetDetector("Ansible variables", wants, func(s *sheet) {
		if isAnsibleTest(s.file.Path) || isSample(s.file.Path) || isBelow(s.file.Path, "docs", "doc") || !hintOfAnsible.MatchString(s.text) || !hintOfVersion.MatchString(s.text) {
			return
		}
		outer := &ansibleFile{sheet: s, loops: maxLoops}
		for _, doc := range s.quietTrees() {
			outer.document(doc)
		}
	})
}

// isAnsibleTest tells whether a file is of the tests of a collection, where
// ansible-test looks for them. They have whatever they test.
func isAnsibleTest(file string) bool {
	return strings.Contains("/"+file, "/tests/integration/targets/")
}

// isSample tells whether a file is one for people to copy and fill in.
func isSample(file string) bool { return strings.Contains(path.Base(file), ".sample.") }

// What every file has that this is about. Most files of a project do not.
var (
	hintOfAnsible = regexp.MustCompile(`(?im)^[ \t-]*(?:\{ *)?["']?(\w*(repo|git|url|source|hg|repository|uri)|name|role)["']?[ \t]*:|^[ \t]*- ["']?(git|hg)\+`)
	hintOfVersion = regexp.MustCompile(`(?i)git|hg\+|mercurial|(get_url|unarchive):|kubectl|lookup\(`)
)

// quietTrees reads YAML of which nobody said that it should be readable.
func (s *sheet) quietTrees() []*node {
	before := len(s.errs)
	trees := s.yamlTrees()
	s.errs = s.errs[:before]
	return trees
}

// Bounds of the work for one file.
const (
	maxLoops = 20_000 // tasks, once for each item that they loop over
	maxPlays = 20     // plays of a playbook whose variables count
)

// ansibleFile is a file of tasks or variables.
type ansibleFile struct {
	*sheet
	doc    *node
	plays  scope // the variables of the document that is read
	around scope // of the files beside this one, once they were needed
	names  map[string]*node
	read   bool
	loops  int
	others []otherFile // of the tree that may have variables, once they were needed
	listed bool
	// otherText is how large all of those are.
	otherText int
	// includes is how many files were read because this one or a play names them.
	includes int
	// checkouts are commands that check out what other tasks have cloned.
	checkouts []checkoutIn
}

func (a *ansibleFile) document(doc *node) {
	a.doc, a.plays = doc, scope{doc}
	for _, play := range doc.list() {
		vars := play.at("vars")
		for _, table := range slices.Concat(vars.list(), []*node{vars}) { // it may be a list of tables
			if table != nil && len(a.plays) < maxPlays {
				a.plays = append(a.plays, table)
			}
		}
		if len(a.plays) < maxPlays {
			a.plays = append(a.plays, a.varsFiles(play, ".")...)
		}
	}
	a.facts(doc)
	a.laterCheckouts(doc)
	doc.tables(func(table *node) {
		for _, module := range []string{"git", "ansible.builtin.git", "ansible.legacy.git"} {
			a.task("git", table, table.at(module))
		}
		for _, module := range []string{"hg", "community.general.hg"} {
			a.task("hg", table, table.at(module))
		}
		a.download(table)
		a.lookups(table)
		a.commands(table)
		a.variablePairs(table)
		a.checkout(table)
		a.project(table)
		a.includedRole(table)
		a.includedTasks(table)
		a.pipNames(table)
	})
	a.givenRoles(doc)
	a.archivesOfBranches(doc)
}

// facts takes the variables that tasks set on their way, those that are texts as
// they stand before those that are put together.
func (a *ansibleFile) facts(doc *node) {
	var computed scope
	doc.tables(func(task *node) {
		for _, module := range []string{"set_fact", "ansible.builtin.set_fact"} {
			facts := task.at(module)
			if facts == nil || len(a.plays)+len(computed) >= maxPlays {
				continue
			}
			if slices.ContainsFunc(facts.members(), func(fact *node) bool { return isComputed(fact.value()) }) {
				computed = append(computed, facts)
			} else {
				a.plays = append(a.plays, facts)
			}
		}
	})
	a.plays = append(a.plays, computed...)
}

// scope is where the variables of a table come from.
func (a *ansibleFile) scope(table *node) scope {
	a.readBeside()
	return slices.Concat(scope{table, table.at("vars")}, a.plays, a.around)
}

// task reads a task that checks out, once for each item that it loops over.
func (a *ansibleFile) task(vcs string, table, args *node) {
	if args == nil {
		return
	}
	line := args.line
	if args.shape == isText {
		args = oldArguments(args.text)
	} else if repo := args.at("repo"); repo != nil {
		line = repo.line
	}
	repo, _ := args.firstOf("repo", "name")
	if repo == "" || args.at("dest") == nil && args.value("clone") == "" {
		return
	}
	name, _ := args.firstOf("version", "revision")
	over := cmp.Or(table.value("loop"), table.value("with_items"), table.value("with_dict"))
	checkout := func(sc scope, note func(Mention)) {
		for _, each := range a.loop(table, sc) {
			if a.loops--; a.loops < 0 {
				return
			}
			if each.value("item", "state") == "absent" {
				continue
			}
			sc[0] = each // the words of the task itself are no variables
			for _, name := range bothSides(sc.expand(name)) {
				note(Mention{VCS: vcs, URL: sc.expand(repo), Name: name})
			}
		}
	}
	checkout(a.scope(table), func(m Mention) { a.note(line, m) })
	a.elsewhere(a.scope(&node{}), []string{repo, name, over}, checkout)
}

// loop lists tables with "item", or what it is called, for what a task loops over, one that is empty
// for a task that does not.
func (a *ansibleFile) loop(table *node, sc scope) []*node {
	var items []*node
	switch dict, over := table.at("with_dict"), cmp.Or(table.at("loop"), table.at("with_items")); {
	case dict.str() != "":
		items = sc.entries(dict.text)
	case over.str() != "":
		items = slices.Concat(sc.list(over.text), sc.entries(over.text))
	default:
		items = over.list()
	}
	item := cmp.Or(table.value("loop_control", "loop_var"), "item")
	var each []*node
	for _, value := range items {
		each = append(each, &node{shape: isTable, named: map[string]*node{item: value}})
	}
	if len(each) == 0 {
		return []*node{{}}
	}
	return each
}

var oldArgument = regexp.MustCompile(`(\w+)=("[^"]*"|'[^']*'|(?:\{\{[^}]*\}\}|[^\s"'])+)`)

// oldArguments reads "repo=x dest=y".
func oldArguments(text string) *node {
	args := &node{shape: isTable, line: 1}
	for _, m := range oldArgument.FindAllStringSubmatch(text, 50) {
		args.put(m[1], &node{shape: isText, text: strings.Trim(m[2], `"'`), line: 1})
	}
	return args
}

// pipNames reads what pip is to install, as tasks name it and lists of
// requirements do, or a variable for one of them.
func (a *ansibleFile) pipNames(table *node) {
	for _, member := range table.members() {
		if text := member.str(); member.key == "name" || strings.Contains(text, "@") && strings.Contains(text, "#egg=") {
			a.pipName(table, member)
		}
		for _, item := range member.list() {
			a.pipName(table, item)
		}
	}
}

// pipName reads one of them. With a comma in it, it is for ansible-galaxy.
func (a *ansibleFile) pipName(table, name *node) {
	text := name.str()
	if !strings.HasPrefix(text, "git+") && !strings.HasPrefix(text, "hg+") || strings.Contains(text, ",") {
		return
	}
	sc := a.scope(table)
	if m, ok := pipURL(sc.expand(text)); ok {
		if m.Name == "" {
			m.Name = sc.expand(table.value("version"))
		}
		a.note(name.line, m)
	}
}
