package detect

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// repoWords and nameWords are how the names of the variables of a pair end. What
// is before them is the same in both, whatever its case.
var (
	repoWords = []string{"repo", "repository", "git", "source", "url", "uri", "src"}
	nameWords = []string{"commit_id", "commit", "sha", "revision", "tag", "ref", "version", "branch"} // of several the first
)

// stem takes the last words off the name of a variable. ok is false when there are none.
func stem(key string, words []string) (before string, ok bool) {
	for _, word := range words {
		if rest, found := strings.CutSuffix(key, word); found && (rest == "" || rest[len(rest)-1] == '_') {
			return strings.TrimSuffix(rest, "_"), true
		}
	}
	return key, false
}

// repoStem is the stem of a variable that names a repository.
func repoStem(key string) (string, bool) {
	key, ok := stem(strings.ToLower(key), repoWords)
	for more := ok; more; {
		key, more = stem(key, repoWords)
	}
	return key, ok
}

// nameStem is the stem of a variable that names a branch, a tag or a commit.
func nameStem(key string) (string, bool) {
	key, ok := stem(strings.ToLower(key), nameWords)
	for more := ok; more; {
		key, more = stem(key, repoWords)
	}
	return key, ok
}

// variablePairs reads the pairs of a table, and of its document's top with the
// files beside it.
func (a *ansibleFile) variablePairs(table *node) {
	var names map[string]*node
	for _, repo := range table.members() {
		key, ok := repoStem(repo.key)
		if !ok || repo.shape != isText || table.at("dest") != nil { // with that it is a task
			continue
		}
		if table.at("uri") == repo && isOtherResource(table) {
			continue
		}
		if repo.key == "github_repo" && table.at("github_branch") != nil { // where pages of a site link to
			continue
		}
		if names == nil {
			names = pairedNames(table)
		}
		name := cmp.Or(closestName(table, repo.key), names[key])
		if name == nil && key != "" && table == a.doc && hasPath(repo.text) {
			name = a.nameBeside(key)
		}
		if name != nil && (key != "" || sayGit(repo, name)) {
			a.pair(repo, name, a.scope(table))
			a.pairElsewhere(table, repo, name)
		}
	}
}

// closestName is the variable of a table that is called as the one of the
// repository but for its last word.
func closestName(table *node, repo string) *node {
	at := strings.LastIndexByte(repo, '_')
	if at <= 0 {
		return nil
	}
	for _, word := range nameWords {
		if n := table.at(repo[:at+1] + word); n.str() != "" {
			return n
		}
	}
	return nil
}

// isOtherResource tells whether a source of Concourse takes no branch as such:
// locks, to which a pipeline pushes, and tags.
func isOtherResource(source *node) bool {
	return source.at("pool") != nil || source.at("tag_filter") != nil || source.at("tag_regex") != nil
}

var releaseNumber = regexp.MustCompile(`^[0-9.]+$`)

// sayGit tells whether a pair that is nothing but the words is about git. A file
// about a package has a repository and a version, and means itself.
func sayGit(repo, name *node) bool {
	switch key := strings.ToLower(repo.key); key {
	case "url":
		return strings.EqualFold(name.key, "commit") || strings.EqualFold(name.key, "branch") && strings.HasSuffix(repo.text, ".git")
	case "uri": // as Concourse has it; also in a list that a pipeline is made of
		return strings.EqualFold(name.key, "branch")
	case "repository":
		return strings.HasSuffix(repo.text, ".git") && !releaseNumber.MatchString(name.value())
	default:
		return key == "repo" || key == "repo_url" || strings.Contains(key, "git")
	}
}

// hasPath tells whether a text may be an address at all.
func hasPath(text string) bool { return strings.ContainsAny(text, "/:") }

// pair takes a pair if it is about git. Nobody but the names of the variables
// says so, and a version may be that of a package.
func (a *ansibleFile) pair(repo, name *node, sc scope) {
	if m, ok := sc.pair(repo.text, name.value()); ok {
		a.note(repo.line, m)
	}
}

func (sc scope) pair(repo, name string) (m Mention, ok bool) {
	url, ref := sc.expand(repo), sc.expand(name)
	if ref == "" || isComputed(url) || !looksLikeGit(url) || !isComputed(ref) && strings.ContainsAny(ref, " \n") {
		return Mention{}, false
	}
	return Mention{URL: url, Name: strings.TrimPrefix(ref, "origin/")}, true // as "git checkout" takes it
}

// pairedNames are the variables of a table that name a branch or the like, by
// their stems.
func pairedNames(table *node) map[string]*node {
	names := map[string]*node{}
	for _, n := range table.members() {
		key, ok := nameStem(n.key)
		if !ok || n.shape == isTable || n.shape == isList {
			continue
		}
		if before := names[key]; before == nil || nameRank(n.key) < nameRank(before.key) {
			names[key] = n
		}
	}
	return names
}

func nameRank(key string) int {
	key = strings.ToLower(key)
	return slices.IndexFunc(nameWords, func(word string) bool { return strings.HasSuffix(key, word) })
}

// nameBeside looks for the other half of a pair in the files beside this one.
func (a *ansibleFile) nameBeside(key string) *node {
	a.readBeside()
	return a.names[key]
}

// maxRoles bounds how many roles are looked into for the values of variables.
const maxRoles = 25

// readBeside reads the variables that Ansible would have at hand here: those of
// the role and of its playbook, and of the roles that it depends on.
func (a *ansibleFile) readBeside() {
	if a.read {
		return
	}
	a.read, a.names = true, map[string]*node{}
	top := roleTop(a.file.Path)
	own := append([]string{top + "/vars/main.yml", top + "/defaults/main.yml"}, a.parts(top+"/vars/main")...)
	own = append(own, a.parts(top+"/defaults/main")...)
	for _, name := range append(own, []string{
		"main.yml", "vars/main.yml", "all.yml", "all", "../group_vars/all.yml",
		"../group_vars/all", "../group_vars/all/main.yml", "group_vars/all.yml", "group_vars/all", "group_vars/all/main.yml", "vars.yml", "../vars.yml",
	}...) {
		if a.isThis(name) {
			continue
		}
		a.around = append(a.around, a.variables(name)...)
	}
	a.around = append(a.around, a.variablesOfRoles()...)
	a.around = append(a.around, a.includedVars()...)
	for _, table := range a.around {
		for key, name := range pairedNames(table) {
			if a.names[key] == nil {
				a.names[key] = name
			}
		}
	}
}

// roleTop is the directory of the role that a file is of, as seen from it. Tasks
// may lie deeper.
func roleTop(file string) string {
	dirs := strings.Split(path.Dir(file), "/")
	for i, dir := range slices.Backward(dirs) {
		if dir == "tasks" || dir == "handlers" {
			return strings.TrimSuffix(strings.Repeat("../", len(dirs)-i), "/")
		}
	}
	return ".."
}

// parts are the files that variables are spread over in a directory.
func (a *ansibleFile) parts(dir string) []string {
	if a.file.List == nil {
		return nil
	}
	var files []string
	for _, name := range a.file.List(dir) {
		if isYAML(name) && len(files) < maxRoles {
			files = append(files, dir+"/"+name)
		}
	}
	return files
}

func (a *ansibleFile) isThis(name string) bool {
	return path.Join(path.Dir(a.file.Path), name) == path.Clean(a.file.Path)
}

// documents are those of another file.
func (a *ansibleFile) documents(name string) []*node {
	text := a.beside(name)
	if text == "" {
		return nil
	}
	s := &sheet{findings: newFindings(a.file), text: text}
	return s.yamlTrees()
}

func (a *ansibleFile) variables(name string) scope {
	var sc scope
	for _, doc := range a.documents(name) {
		if doc.shape == isTable {
			sc = append(sc, doc)
		}
	}
	return sc
}

// variablesOfRoles follows the dependencies of the role that the file is of.
func (a *ansibleFile) variablesOfRoles() scope {
	var sc scope
	seen := map[string]bool{}
	queue := []string{roleTop(a.file.Path)}
	for i := 0; i < len(queue) && i < maxRoles; i++ {
		role := queue[i]
		if i > 0 {
			sc = append(sc, a.variables(role+"/vars/main.yml")...)
			sc = append(sc, a.variables(role+"/defaults/main.yml")...)
		}
		for _, meta := range a.variables(role + "/meta/main.yml") {
			for _, dependency := range meta.at("dependencies").list() {
				name, _ := dependency.firstOf("role", "name")
				if name += dependency.str(); isPlainWord(name) && !seen[name] {
					seen[name] = true
					queue = append(queue, path.Join(queue[0], "..", name))
				}
			}
		}
	}
	return sc
}

func isPlainWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f || r != '.' && !isWordByte(byte(r)) }) && !strings.HasPrefix(s, ".")
}
